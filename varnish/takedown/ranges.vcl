# Answer range requests as the origin would (RFC 9110, 14), in the cases where Varnish cuts differently.

sub takedown_ranges_request {
    if (req.http.Range) {
        # Two lines of either header are invalid, and Varnish would use the first.
        std.collect(req.http.Range);
        std.collect(req.http.If-Range);
        # The origin ignores Range on HEAD, other units, several ranges and malformed ones; Varnish would answer 416.
        if (req.method != "GET" || req.http.Range !~ "(?i)^bytes=(?:[0-9]+-[0-9]*|-[0-9]+)$") {
            unset req.http.Range;
        } else {
            call takedown_ranges_numbers;
        }
    }
}

# Rewrite large numbers, and ignore a range whose last byte is before its first: Varnish answers 416 to both. A VCL
# integer holds 15 digits.
sub takedown_ranges_numbers {
    set req.http.Range = regsuball(req.http.Range, "([=-])0+([0-9])", "\1\2");
    set req.http.Range = regsub(req.http.Range, "-[0-9]{16,}$", "-999999999999999");
    set req.http.Range = regsub(req.http.Range, "=[0-9]{16,}-", "=999999999999999-");
    if (req.http.Range ~ "[0-9]-[0-9]" &&
        std.integer(regsub(req.http.Range, "^.*-", ""), 0) <
        std.integer(regsub(req.http.Range, "^.*=([0-9]+)-.*$", "\1"), 0)) {
        unset req.http.Range;
    }
}

# Fetch the whole file if the fetch of its last bytes (bytes=-500) has failed: Vinyl Cache 9 takes any answer to it for a
# wrong range.
sub takedown_ranges_failed {
    if (bereq.uncacheable && bereq.method == "GET" && bereq.http.Range ~ "(?i)^bytes=-") {
        unset bereq.http.Range;
        unset bereq.http.If-Range;
        var.set("range", "");
        return (retry);
    }
}

sub takedown_ranges_evaluate {
    if (req.http.Range && resp.status == 200) {
        call takedown_ranges_if_range;
        call takedown_ranges_unsatisfiable;
    }
}

# Evaluate If-Range (RFC 9110, 13.1.5): unless it has the object's tag, by strong comparison, or exactly its date, the
# client gets the whole object.
sub takedown_ranges_if_range {
    if (req.http.If-Range ~ {"^(?:"|W/)"}) {
        if (req.http.If-Range != resp.http.ETag || req.http.If-Range ~ "^W") {
            unset req.http.Range;
        }
    } elseif (req.http.If-Range) {
        var.set("date", req.http.If-Range);
        call takedown_dates_read;
        if (!resp.http.Last-Modified ||
            std.time(var.get("date"), std.time(real=0.0)) != std.time(resp.http.Last-Modified, now)) {
            unset req.http.Range;
        }
    }
    unset req.http.If-Range;
}

# Answer 416 before Varnish does: its 416 has the headers of the image, and a cache might store it for as long as the
# image.
sub takedown_ranges_unsatisfiable {
    if (req.http.Range && resp.http.Content-Length && (req.http.Range ~ "=-0$" ||
        std.integer(regsub(req.http.Range, "^.*=([0-9]+)-.*$", "\1"), -1) >= std.integer(resp.http.Content-Length, 0))) {
        var.set("content range", "bytes */" + resp.http.Content-Length);
        return (synth(416));
    }
}
