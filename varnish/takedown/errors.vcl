# Write the edge's own answers: to OPTIONS, and errors (400, 405, 503, ...), a line of text which no cache stores. Adapt
# the origin's 5xx.

# Write the answer to a failed fetch. Varnish gives it a ttl and a grace that would outlast the origin's recovery.
sub takedown_errors_fetch {
    call takedown_lifetime_uncacheable;
    # Without Vary, a lookup for any rendition of the image would find this hit-for-miss object before a fresh
    # rendition. The object has no tags: it holds no image, so no purge needs to remove it.
    set beresp.http.Vary = "Takedown-Rendition";
    set beresp.http.Retry-After = "1";
    set beresp.http.Cache-Control = "no-store";
    set beresp.http.Content-Type = "text/plain; charset=utf-8";
    set beresp.http.X-Content-Type-Options = "nosniff";
    unset beresp.http.Server;
    set beresp.body = "Service Unavailable" + {"
"};
}

# Reject a 304 that the edge did not ask for (fetch.vcl): Varnish would serve the older object's body, past the fence.
sub takedown_errors_unasked_304 {
    if (beresp.was_304) {
        return (error(503));
    }
}

# Tell browsers not to store an error of the origin, or of a proxy before it. The edge itself never caches one.
sub takedown_errors_origin {
    if (beresp.status >= 500) {
        set beresp.http.Cache-Control = "no-store";
        if (beresp.status == 503 && !beresp.http.Retry-After) {
            set beresp.http.Retry-After = "1";
        }
    }
}

# Write an error answer of the public listener, or its answer to OPTIONS.
sub takedown_errors_public {
    if (resp.status == 200 || resp.status == 405) {
        set resp.http.Allow = "GET, HEAD, OPTIONS";
    }
    if (resp.status == 200) {
        set resp.http.Takedown-Code = resp.reason;
    }
    if (resp.status == 416) {
        set resp.http.Content-Range = var.get("content range");
        set resp.http.Accept-Ranges = "bytes";
    }
    if (resp.status == 503) {
        set resp.http.Retry-After = "1";
    }
    set resp.http.Cache-Status = "edge-takedown";
    call takedown_errors_plain_text;
}

# Make the reason of an answer its body, as one line of text.
sub takedown_errors_plain_text {
    set resp.http.Cache-Control = "no-store";
    set resp.http.Content-Type = "text/plain; charset=utf-8";
    set resp.http.X-Content-Type-Options = "nosniff";
    unset resp.http.Server;
    unset resp.http.X-Varnish;
    unset resp.http.X-Vinyl;
    unset resp.http.Via;
    set resp.body = resp.reason + {"
"};
}
