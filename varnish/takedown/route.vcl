# Accept GET and HEAD of /images/<code>[/<rendition>] on the public listener, answer OPTIONS with the code of the image
# that a URL leads to, and 400, 404, 405 or 413 to all others. The URLs of a site's own server go on in site.vcl.
#
# Every hit passes through here, and setting a header costs more than matching a pattern. So the code stays in the URL
# until it is needed, and the original is the variant without Takedown-Rendition.

# Check Host as the origin does (RFC 9112, 3.2). Varnish has already rejected requests with two.
sub takedown_route_host {
    if (req.http.Host !~ "^(?:[0-9A-Za-z._~!$&'()*+,;=%-]++|\[[0-9A-Fa-f:.]+\])(?::[0-9]*+)?$") {
        call takedown_route_no_host;
    }
}

# Accept an empty Host, and from HTTP/1.0 a missing one.
sub takedown_route_no_host {
    if (!req.http.Host) {
        if (req.proto != "HTTP/1.0") {
            return (synth(400, "Bad Request: Host is missing"));
        }
    } elseif (req.http.Host !~ "^(?::[0-9]*+)?$") {
        return (synth(400, "Bad Request: Host is malformed"));
    }
}

sub takedown_route_methods {
    if (req.method != "GET" && req.method != "HEAD") {
        call takedown_route_other_method;
    }
}

# Answer OPTIONS with the code of the image that the URL leads to: `purger ban URL` asks for it, so that it bans what
# this edge shows there. It needs neither cache nor origin, except on the site's way, where the origin knows; and tells
# nothing that /images/<code> does not.
sub takedown_route_other_method {
    if (req.method != "OPTIONS") {
        call takedown_site_other_method;
        return (synth(405));
    }
    call takedown_route_refuse_body;
    call takedown_urls;
    call takedown_route_image;
    if (req.hash_ignore_vary) {
        return (pass);
    }
    return (synth(200, str.split(req.url, 2, "/?")));
}

sub takedown_route_image {
    if (req.url ~ "^/images/[A-Za-z0-9_-]{1,64}(?:\?|$)") {
        if (req.http.Takedown-Rendition) {
            unset req.http.Takedown-Rendition;
        }
    } elseif (req.url ~ "^/images/[A-Za-z0-9_-]{1,64}/[a-z0-9_-]{1,32}(?:\?|$)") {
        set req.http.Takedown-Rendition = str.split(req.url, 3, "/?");
        call takedown_renditions;
        if (!std.strstr(var.get("renditions"), " " + req.http.Takedown-Rendition + " ")) {
            call takedown_site_request;
        }
    } else {
        call takedown_site_request;
    }
}

# Answer 413 to a request with a body. GET and HEAD need none (RFC 9110, 9.3.1), and a body that arrives slowly would
# hold a thread: Varnish reads it to its end before it answers from the cache.
sub takedown_route_refuse_body {
    if ((req.http.Content-Length && req.http.Content-Length != "0") || req.http.Transfer-Encoding) {
        return (synth(413, "Content Too Large: no request may have a body here"));
    }
}

# Close the connection after the edge's own answer to a request with a body. With this header Varnish does not read the
# body. Nor does it parse what follows a Transfer-Encoding of HTTP/1.0, which has none (RFC 9112, 6.1), as a request.
sub takedown_route_close_body {
    if ((req.http.Content-Length && req.http.Content-Length != "0") || req.http.Transfer-Encoding) {
        set resp.http.Connection = "close";
    }
}
