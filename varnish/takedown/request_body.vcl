# Ends the connection after a request with a body, so that nobody waits for the rest of it.

# GET and HEAD need none (RFC 9110, section 9.3.1), and one that drips in would hold a thread: Varnish reads a body to its
# end before it answers from the cache. A hit never has one.
sub takedown_request_body_refuse {
    if ((req.http.Content-Length && req.http.Content-Length != "0") || req.http.Transfer-Encoding) {
        return (synth(413, "Content Too Large: no request may have a body here"));
    }
}

# With this header Varnish does not read the body of a request that it answers by itself. Nor does it take what follows a
# body with a transfer coding of HTTP/1.0, which knows none (RFC 9112, section 6.1), for a request.
sub takedown_request_body_close {
    if ((req.http.Content-Length && req.http.Content-Length != "0") || req.http.Transfer-Encoding) {
        set resp.http.Connection = "close";
    }
}
