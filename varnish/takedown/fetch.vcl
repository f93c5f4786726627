# Make each fetch a plain GET of one image, or of one leg to it (legs.vcl), and remove the headers of the answer that are
# not for clients.

sub takedown_fetch_request {
    if (var.get("leg") == "") {
        call takedown_origin;
        set bereq.url = regsub(bereq.url, "\?.*$", "");
        var.set("code", str.split(bereq.url, 2, "/"));
    }
    # Varnish then sets the backend's .host_header.
    unset bereq.http.Host;
    unset bereq.http.Cookie;
    unset bereq.http.Authorization;
    unset bereq.http.Accept-Encoding;
    # Varnish cannot retry a fetch with a body, and a body that arrives slowly would delay all who wait for the image.
    unset bereq.body;
    # No fetch is conditional: a 304 would pass the fence and then wait for the old body to end, and no purge finds it
    # there.
    unset bereq.http.If-None-Match;
    unset bereq.http.If-Modified-Since;
    # Nor by these: all who wait for the image would get this client's 412.
    unset bereq.http.If-Match;
    unset bereq.http.If-Unmodified-Since;
}

# Remove the headers that the origin sends for the edge, or about itself. lifetime.vcl reads CDN-Cache-Control and
# removes it.
sub takedown_fetch_strip {
    # For the fence. Two lines are joined and then not a number, so the fence takes the answer for one without.
    std.collect(beresp.http.Takedown-Seen, ",");
    var.set("seen", beresp.http.Takedown-Seen);
    unset beresp.http.Takedown-Seen;
    # For the lease.
    std.collect(beresp.http.Takedown-Changed, ",");
    var.set("changed", beresp.http.Takedown-Changed);
    unset beresp.http.Takedown-Changed;
    # By this edge's clock, as Age is, and not by the origin's. Hits keep this Date (answer.vcl).
    set beresp.http.Date = now;
    unset beresp.http.Server;
    unset beresp.http.Via;
    unset beresp.http.X-Powered-By;
    unset beresp.http.Set-Cookie;
    unset beresp.http.Surrogate-Control;
    # Another name of the header of tags (key.vcl), for vmod xkey.
    unset beresp.http.X-HashTwo;
}

# Keep the stale object instead of the error that a background fetch got: the origin may be sick, or refuse the request
# of this client, for example for its length. Only 200, 404, 410 and 451 are answers about the image itself.
sub takedown_fetch_keep_stale {
    if (bereq.is_bgfetch &&
        beresp.status != 200 && beresp.status != 404 && beresp.status != 410 && beresp.status != 451) {
        return (abandon);
    }
}
