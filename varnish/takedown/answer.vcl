# Set the headers of answers from the public listener: keep those of the origin for browsers, add Cache-Status
# (RFC 9211), and remove those that describe the edge itself.
#
# Two built-in variables serve as flags, which costs a hit nothing: req.hash_always_miss means "was a miss", since
# nothing reads it after the lookup, and req.ttl > 0s means fail-safe mode, since nothing else sets it.

sub takedown_answer_note_miss {
    set req.hash_always_miss = true;
}

sub takedown_answer_headers {
    # Date (of the fetch) and Age stay: their sum is now, so Expires means the same to every browser. Without Age, a
    # browser whose clock is behind would show a stable image for longer (RFC 9111, 4.2.3). A new Date instead of both
    # would be two thirds of what this VCL adds to the cost of a hit.
    unset resp.http.Vary;
    unset resp.http.xkey;
    # To unset a header that is not there costs a hit as much as the whole limit of the lease.
    if (resp.http.X-Varnish) {
        unset resp.http.X-Varnish;
    } else {
        unset resp.http.X-Vinyl;
    }
    unset resp.http.Via;
    call takedown_answer_cache_status;
}

# Store the Cache-Status of a hit with the object, so that a hit need not set it.
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
