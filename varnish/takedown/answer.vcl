# What leaves the public listener: what the origin says to browsers, how it came (RFC 9211), and nothing of the insides.

sub takedown_note_miss {
    var.set("missed", "yes");
}

sub takedown_answer {
    # Date is now, not when the origin was asked, and there is no Age: either would eat up a browser's max-age.
    set resp.http.Date = now;
    unset resp.http.Age;
    unset resp.http.Vary;
    unset resp.http.Takedown-Code;
    unset resp.http.Takedown-Owner;
    unset resp.http.X-Varnish;
    unset resp.http.Via;
    call takedown_cache_status;
}

sub takedown_cache_status {
    if (var.get("missed") != "yes") {
        set resp.http.Cache-Status = "edge-takedown; hit";
        if (obj.ttl < 0s) {
            set resp.http.Cache-Status = resp.http.Cache-Status + "; ttl=" + std.integer(duration=obj.ttl);
        }
    } elseif (req.is_hitmiss) {
        set resp.http.Cache-Status = "edge-takedown; fwd=bypass";
    } elseif (obj.uncacheable) {
        set resp.http.Cache-Status = "edge-takedown; fwd=uri-miss";
    } else {
        set resp.http.Cache-Status = "edge-takedown; fwd=uri-miss; stored";
    }
    if (var.get("mode") == "fail-safe") {
        set resp.http.Cache-Status = resp.http.Cache-Status + "; detail=fail-safe";
    }
}
