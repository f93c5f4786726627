# Answers range requests as the origin would (RFC 9110, 14), in the cases where Varnish cuts differently.

sub takedown_ranges_request {
    if (req.http.Range) {
        # Two lines of either mean nothing, and Varnish would take the first.
        std.collect(req.http.Range);
        std.collect(req.http.If-Range);
        # HEAD has no ranges; another unit, several ranges and what is malformed are ignored, where Varnish says 416.
        if (req.method != "GET" || req.http.Range !~ "(?i)^bytes=(?:[0-9]+-[0-9]*|-[0-9]+)$") {
            unset req.http.Range;
        } else {
            call takedown_ranges_numbers;
        }
    }
}

# Varnish refuses large numbers, and a last byte before the first. 15 digits are what a VCL integer holds.
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

sub takedown_ranges_evaluate {
    if (req.http.Range && resp.status == 200) {
        call takedown_ranges_if_range;
        call takedown_ranges_unsatisfiable;
    }
}

# A tag, by strong comparison, or exactly the date (RFC 9110, 13.1.5). Anything else is answered with the whole.
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

# Varnish's own 416 has the headers of the image: a cache may then keep it as long as the image, if that is stable.
sub takedown_ranges_unsatisfiable {
    if (req.http.Range && resp.http.Content-Length && (req.http.Range ~ "=-0$" ||
        std.integer(regsub(req.http.Range, "^.*=([0-9]+)-.*$", "\1"), -1) >= std.integer(resp.http.Content-Length, 0))) {
        var.set("content range", "bytes */" + resp.http.Content-Length);
        return (synth(416));
    }
}
