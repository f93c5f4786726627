# Answer 413 to a request with a body, and close its connection, so that no thread waits for the rest of the body.

# Answer 413. GET and HEAD need no body (RFC 9110, section 9.3.1), and a body that arrives slowly would hold a thread:
# Varnish reads it to its end before it answers from the cache.
sub takedown_request_body_refuse {
    if ((req.http.Content-Length && req.http.Content-Length != "0") || req.http.Transfer-Encoding) {
        return (synth(413, "Content Too Large: no request may have a body here"));
    }
}

# Close the connection after the edge's own answer to a request with a body. With this header Varnish neither reads the
# body, nor parses the bytes after a Transfer-Encoding of HTTP/1.0, which has none (RFC 9112, section 6.1), as a
# request.
sub takedown_request_body_close {
    if ((req.http.Content-Length && req.http.Content-Length != "0") || req.http.Transfer-Encoding) {
        set resp.http.Connection = "close";
    }
}
