# Ends the connection after a request whose end is in doubt, so that nothing behind it is taken for another request.

# HTTP/1.0 has no transfer codings (RFC 9112, section 6.1): a proxy that knows none takes the chunks for requests, or a
# request for chunks. Varnish refuses the other doubtful ones, such as two lengths, by itself.
sub takedown_framing {
    if (req.http.Transfer-Encoding && req.proto ~ "(?i)^http/1\.0$") {
        set resp.http.Connection = "close";
    }
}
