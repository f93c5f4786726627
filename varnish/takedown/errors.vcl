# Answers that the edge makes up: one line of text, never kept by anyone.

# A fetch that failed. It starts with a lifetime and a grace that would outlive the origin's recovery.
sub takedown_errors_fetch {
    call takedown_lifetime_uncacheable;
    # Without it the hit-for-miss would be found for every rendition of the image, in front of those that are fresh. A ban
    # has no business with what holds no image, so it has no Takedown-Image.
    set beresp.http.Vary = "Takedown-Rendition";
    set beresp.http.Retry-After = "1";
    set beresp.http.Cache-Control = "no-store";
    set beresp.http.Content-Type = "text/plain; charset=utf-8";
    set beresp.http.X-Content-Type-Options = "nosniff";
    unset beresp.http.Server;
    set beresp.body = "Service Unavailable" + {"
"};
}

# A 304 that nobody asked for (fetch.vcl): Varnish would take the older object's body for the answer, past the fence.
sub takedown_errors_unasked_304 {
    if (beresp.was_304) {
        return (error(503));
    }
}

# An error of the origin's, or of what stands before it. The lifetime is no matter here, since nothing of it is kept.
sub takedown_errors_origin {
    if (beresp.status >= 500) {
        set beresp.http.Cache-Control = "no-store";
        if (beresp.status == 503 && !beresp.http.Retry-After) {
            set beresp.http.Retry-After = "1";
        }
    }
}

sub takedown_errors_public {
    if (resp.status == 405) {
        set resp.http.Allow = "GET, HEAD";
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

sub takedown_errors_plain_text {
    set resp.http.Cache-Control = "no-store";
    set resp.http.Content-Type = "text/plain; charset=utf-8";
    set resp.http.X-Content-Type-Options = "nosniff";
    unset resp.http.Server;
    unset resp.http.X-Varnish;
    unset resp.http.Via;
    set resp.body = resp.reason + {"
"};
}
