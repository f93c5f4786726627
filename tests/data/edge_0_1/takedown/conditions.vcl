# Conditional and range requests get what the origin would have answered (RFC 9110, 13 and 14). Varnish compares and
# cuts; these are the cases that it gets wrong.

sub takedown_ranges {
    if (req.http.Range) {
        # HEAD has no ranges; another unit, several ranges and what is malformed are ignored, where Varnish says 416.
        if (req.method != "GET" || req.http.Range !~ "(?i)^bytes=(?:[0-9]+-[0-9]*|-[0-9]+)$") {
            unset req.http.Range;
        } else {
            call takedown_range_numbers;
        }
    }
}

# Varnish refuses large numbers, and a last byte before the first. 15 digits are what a VCL integer holds.
sub takedown_range_numbers {
    set req.http.Range = regsuball(req.http.Range, "([=-])0+([0-9])", "\1\2");
    set req.http.Range = regsub(req.http.Range, "-[0-9]{16,}$", "-999999999999999");
    set req.http.Range = regsub(req.http.Range, "=[0-9]{16,}-", "=999999999999999-");
    if (req.http.Range ~ "[0-9]-[0-9]" &&
        std.integer(regsub(req.http.Range, "^.*-", ""), 0) <
        std.integer(regsub(req.http.Range, "^.*=([0-9]+)-.*$", "\1"), 0)) {
        unset req.http.Range;
    }
}

sub takedown_conditions {
    if (req.http.If-None-Match) {
        call takedown_if_none_match;
    } elseif (req.http.If-Modified-Since) {
        call takedown_if_modified_since;
    }
    if (req.http.Range && resp.status == 200) {
        call takedown_range_here;
    }
}

# Varnish knows neither lists nor `*`. Whether or not a tag matches, the date then plays no part.
sub takedown_if_none_match {
    std.collect(req.http.If-None-Match);
    if (resp.status == 200 && (req.http.If-None-Match == "*" ||
        (resp.http.ETag && std.strstr(req.http.If-None-Match, regsub(resp.http.ETag, "^W/", ""))))) {
        set resp.status = 304;
    }
    unset req.http.If-None-Match;
    unset req.http.If-Modified-Since;
}

# Varnish ignores a date in the future, and would compare with the time of the fetch where the image has no date. It also
# reads ISO 8601 and numbers, which are no HTTP dates: those begin with a letter.
sub takedown_if_modified_since {
    if (resp.status == 200 && resp.http.Last-Modified && req.http.If-Modified-Since ~ "^[A-Z]" &&
        std.time(req.http.If-Modified-Since, std.time(real=0.0)) >= std.time(resp.http.Last-Modified, now)) {
        set resp.status = 304;
    }
    unset req.http.If-Modified-Since;
}

# Varnish's own 416 has the headers of the image: a cache may then keep it as long as the image, if that is stable.
sub takedown_range_here {
    if (req.http.If-Range && req.http.If-Range !~ {"^[A-Z"]"}) {
        unset req.http.Range;
    } elseif (resp.http.Content-Length && (req.http.Range ~ "=-0$" ||
        std.integer(regsub(req.http.Range, "^.*=([0-9]+)-.*$", "\1"), -1) >= std.integer(resp.http.Content-Length, 0))) {
        if (!req.http.If-Range || req.http.If-Range == resp.http.ETag ||
            req.http.If-Range == resp.http.Last-Modified) {
            var.set("content range", "bytes */" + resp.http.Content-Length);
            return (synth(416));
        }
        unset req.http.Range;
    }
}
