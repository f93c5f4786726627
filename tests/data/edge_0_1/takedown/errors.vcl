# Answers that the edge makes up: one line of text, never kept by anyone.

# A fetch that failed. It starts with a lifetime and a grace that would outlive the origin's recovery.
sub takedown_fetch_error {
    call takedown_uncacheable;
    set beresp.http.Retry-After = "1";
    set beresp.http.Cache-Control = "no-store";
    set beresp.http.Content-Type = "text/plain; charset=utf-8";
    set beresp.http.X-Content-Type-Options = "nosniff";
    unset beresp.http.Server;
    set beresp.body = "Service Unavailable" + {"
"};
}

# An error of the origin's, or of what stands before it. The lifetime is no matter here, since nothing of it is kept.
sub takedown_origin_error {
    if (beresp.status >= 500) {
        set beresp.http.Cache-Control = "no-store";
        if (beresp.status == 503 && !beresp.http.Retry-After) {
            set beresp.http.Retry-After = "1";
        }
    }
}

sub takedown_error {
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
    call takedown_plain;
}

sub takedown_plain {
    set resp.http.Cache-Control = "no-store";
    set resp.http.Content-Type = "text/plain; charset=utf-8";
    set resp.http.X-Content-Type-Options = "nosniff";
    unset resp.http.Server;
    unset resp.http.X-Varnish;
    unset resp.http.Via;
    set resp.body = resp.reason + {"
"};
}
