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
    set req.http.Range = regsub(req.http.Range, "-0*[0-9]{16,}$", "-999999999999999");
    set req.http.Range = regsub(req.http.Range, "=0*[0-9]{16,}-", "=999999999999999-");
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

sub takedown_if_modified_since {
    if (!resp.http.Last-Modified) {
        # Varnish would compare with the time of the fetch.
        unset req.http.If-Modified-Since;
    } elseif (req.http.If-Modified-Since ~ "GMT$" && std.time(req.http.If-Modified-Since, now) > now) {
        # Varnish ignores a date in the future. None of ours lies there, so it is later than any.
        set req.http.If-Modified-Since = resp.http.Last-Modified;
    }
}
