# Conditional and range requests get what the origin would have answered (RFC 9110, 13 and 14). Varnish compares and
# cuts; these are the cases that it gets wrong.

sub takedown_ranges {
    if (req.http.Range) {
        # Two lines of either mean nothing, and Varnish would take the first.
        std.collect(req.http.Range);
        std.collect(req.http.If-Range);
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
        call takedown_if_range;
        call takedown_range_here;
    }
}

# Varnish knows neither lists nor `*`. Whether or not a tag matches, the date then plays no part.
sub takedown_if_none_match {
    if (resp.status == 200) {
        std.collect(req.http.If-None-Match);
        if (req.http.If-None-Match == "*") {
            call takedown_not_modified;
        } elseif (resp.http.ETag) {
            # What browsers send comes first; the list is for the rest.
            if (req.http.If-None-Match == resp.http.ETag) {
                call takedown_not_modified;
            } else {
                call takedown_tags;
            }
        }
    }
    unset req.http.If-None-Match;
    unset req.http.If-Modified-Since;
}

# Reads the list up to our tag, by weak comparison, or to where it stops being a list of tags (RFC 9110, 8.8.3). Nothing
# here is tried twice. A list without our tag is not read at all, and of the others no more than the pattern can take:
# each tag, of 3 bytes at least, counts against Varnish's pcre2_match_limit.
sub takedown_tags {
    if (std.strstr(req.http.If-None-Match, regsub(resp.http.ETag, "^W/", "")) &&
        resp.http.ETag + " " + str.take(req.http.If-None-Match, 7000) ~ {"(?x) ^ (?:W/)? ("[!\x23-~\x80-\xff]*") [ ]
        (?: [ \t,]*+ (?:W/)? (?!\1) "[!\x23-~\x80-\xff]*+" [ \t]*+ (?=,|$) )*+
        [ \t,]*+ (?:W/)? \1 [ \t]*+ (?:,|$)"}) {
        call takedown_not_modified;
    }
}

sub takedown_not_modified {
    set resp.status = 304;
    # It says nothing of a body that is not there (RFC 9110, 15.4.5).
    unset resp.http.Content-Type;
    unset resp.http.Accept-Ranges;
}

# Varnish ignores a date in the future, and would compare with the time of the fetch where the image has no date.
sub takedown_if_modified_since {
    if (resp.status == 200 && resp.http.Last-Modified) {
        std.collect(req.http.If-Modified-Since);
        var.set("date", req.http.If-Modified-Since);
        call takedown_read_date;
        if (std.time(var.get("date"), std.time(real=0.0)) >= std.time(resp.http.Last-Modified, now)) {
            call takedown_not_modified;
        }
    }
    unset req.http.If-Modified-Since;
}

# A tag, by strong comparison, or exactly the date (RFC 9110, 13.1.5). Anything else is answered with the whole.
sub takedown_if_range {
    if (req.http.If-Range ~ {"^(?:"|W/)"}) {
        if (req.http.If-Range != resp.http.ETag || req.http.If-Range ~ "^W") {
            unset req.http.Range;
        }
    } elseif (req.http.If-Range) {
        var.set("date", req.http.If-Range);
        call takedown_read_date;
        if (!resp.http.Last-Modified ||
            std.time(var.get("date"), std.time(real=0.0)) != std.time(resp.http.Last-Modified, now)) {
            unset req.http.Range;
        }
    }
    unset req.http.If-Range;
}

# Varnish's own 416 has the headers of the image: a cache may then keep it as long as the image, if that is stable.
sub takedown_range_here {
    if (req.http.Range && resp.http.Content-Length && (req.http.Range ~ "=-0$" ||
        std.integer(regsub(req.http.Range, "^.*=([0-9]+)-.*$", "\1"), -1) >= std.integer(resp.http.Content-Length, 0))) {
        var.set("content range", "bytes */" + resp.http.Content-Length);
        return (synth(416));
    }
}
