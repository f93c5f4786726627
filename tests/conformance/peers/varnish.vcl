# A stock Varnish with the PURGE and BAN of its own documentation ("Purging and banning" in the users' guide).
vcl 4.1;

import std;

backend origin {
    .host = "$origin_host";
    .port = "$origin_port";
}

acl purge {
    "localhost";
    "127.0.0.0"/8;
}

sub vcl_recv {
    if (req.method == "PURGE") {
        if (!client.ip ~ purge) {
            return (synth(405, "Not allowed."));
        }
        return (purge);
    }
    if (req.method == "BAN") {
        if (!client.ip ~ purge) {
            return (synth(403, "Not allowed."));
        }
        if (std.ban("req.http.host == " + req.http.host + " && req.url == " + req.url)) {
            return (synth(200, "Ban added"));
        } else {
            return (synth(400, std.ban_error()));
        }
    }
}

# The lifetime from the header that the origin sends for it: Cache-Control is for browsers, and forbids to cache.
sub vcl_backend_response {
    if (beresp.http.CDN-Cache-Control ~ "^max-age=[0-9]+$$" && (beresp.status == 200 || beresp.status == 404 ||
        beresp.status == 410 || beresp.status == 451)) {
        set beresp.ttl = std.duration(regsub(beresp.http.CDN-Cache-Control, "^max-age=", "") + "s", 0s);
    } else {
        set beresp.uncacheable = true;
        set beresp.ttl = 1s;
    }
    return (deliver);
}
