# What leaves the public listener: what the origin says to browsers, how it came (RFC 9211), and nothing of the insides.

# Two notes are kept in variables that Varnish has anyway and that cost nothing to read: hash_always_miss, which nothing
# looks at after the lookup, for a miss, and req.ttl, which only fail-safe mode sets.

sub takedown_answer_note_miss {
    set req.hash_always_miss = true;
}

sub takedown_answer_headers {
    # Date is now, not when the origin was asked (which is not stored), and there is no Age: either would eat up a
    # browser's max-age.
    set resp.http.Date = now;
    unset resp.http.Age;
    unset resp.http.Vary;
    unset resp.http.Takedown-Image;
    unset resp.http.X-Varnish;
    unset resp.http.Via;
    call takedown_answer_cache_status;
}

# What a hit says is stored with the object, so that it costs a hit nothing.
sub takedown_answer_store_hit {
    set beresp.http.Cache-Status = "edge-takedown; hit";
}

sub takedown_answer_cache_status {
    if (req.hash_always_miss) {
        if (req.is_hitmiss) {
            set resp.http.Cache-Status = "edge-takedown; fwd=bypass";
        } elseif (obj.uncacheable) {
            set resp.http.Cache-Status = "edge-takedown; fwd=uri-miss";
        } else {
            set resp.http.Cache-Status = "edge-takedown; fwd=uri-miss; stored";
        }
    } elseif (obj.ttl < 0s) {
        set resp.http.Cache-Status = resp.http.Cache-Status + "; ttl=" + std.integer(duration=obj.ttl);
    }
    if (req.ttl > 0s) {
        set resp.http.Cache-Status = resp.http.Cache-Status + "; detail=fail-safe";
    }
}
