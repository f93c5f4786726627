# What the origin is asked: always the plain GET of one image.

sub takedown_fetch_request {
    set bereq.url = regsub(bereq.url, "\?.*$", "");
    var.set("code", str.split(bereq.url, 2, "/"));
    # Varnish then fills in the backend's .host_header.
    unset bereq.http.Host;
    unset bereq.http.Cookie;
    unset bereq.http.Authorization;
    unset bereq.http.Accept-Encoding;
    # A request with a body cannot be tried again, and one that drips in would hold up all who wait for the image.
    unset bereq.body;
    # Never conditional: a 304 would pass the fence and then wait, unseen by any purge, for the old body to end.
    unset bereq.http.If-None-Match;
    unset bereq.http.If-Modified-Since;
}

# What the origin says for its own sake is kept from clients. CDN-Cache-Control goes once it was read (lifetime.vcl).
sub takedown_fetch_strip {
    # For the fence: two lines of it are no number.
    std.collect(beresp.http.Takedown-Seen, ",");
    var.set("seen", beresp.http.Takedown-Seen);
    unset beresp.http.Takedown-Seen;
    # For trust.vcl.
    std.collect(beresp.http.Takedown-Changed, ",");
    var.set("changed", beresp.http.Takedown-Changed);
    unset beresp.http.Takedown-Changed;
    unset beresp.http.Date;
    unset beresp.http.Server;
    unset beresp.http.Via;
    unset beresp.http.X-Powered-By;
    unset beresp.http.Set-Cookie;
    unset beresp.http.Surrogate-Control;
}

# An origin that is sick must not take the stale image away from an edge that may still show it. Nor must a client whose
# request the origin refuses, such as for its length. The rest are the origin's answers about the image.
sub takedown_fetch_keep_stale {
    if (bereq.is_bgfetch &&
        beresp.status != 200 && beresp.status != 404 && beresp.status != 410 && beresp.status != 451) {
        return (abandon);
    }
}
