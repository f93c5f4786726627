# Send a request the site's way, whose fetch has two legs (legs.vcl), if the site names a server of its own for this
# host. What no rule of the origin reads is 404, or passed on to that server ("other URLs").
#
# req.hash_ignore_vary means "the site's way": no Vary splits its objects (key.vcl), and reading it costs nothing. The
# fetch sees it by the header Takedown-Rendition, whose value "*" is no rendition, and which no client can set.

# ---- The request -----------------------------------------------------------------------------------------------------

# Begin the site's way, or answer 404 if this host has no server of its own.
sub takedown_site_request {
    call takedown_site_find;
    if (var.get("site") != "yes" || req.url !~ "^/[\x21\x22\x24-\x7e]*+$") {
        return (synth(404));
    }
    if (std.strstr(req.url, "?")) {
        call takedown_site_query;
    }
    set req.hash_ignore_vary = true;
    set req.http.Takedown-Rendition = "*";
}

# Let the site choose the server. Host is normalised before, since the site compares it, and it is part of the key.
sub takedown_site_find {
    if (req.http.Host ~ "[A-Z]|:(?:80|443)?$") {
        set req.http.Host = regsub(std.tolower(req.http.Host), ":(?:80|443)?$", "");
    }
    var.set_backend("hint", req.backend_hint);
    call takedown_site;
    if (req.backend_hint != var.get_backend("hint")) {
        var.set("site", "yes");
    }
}

# Remove the parameters that do not count, and sort the others.
sub takedown_site_query {
    call takedown_settings;
    if (var.get("query") != "*" && var.get("whole query") != "yes") {
        call takedown_site_query_remove;
    }
    set req.url = regsub(std.querysort(req.url), "[?&]+$", "");
}

sub takedown_site_query_remove {
    var.set("shortened", "yes");
    if (var.get("query") == "") {
        set req.url = regsub(req.url, "\?.*$", "");
    } else {
        # The pattern looks up each name among those behind the URL, in time that grows with the square of the length.
        if (req.url ~ "\?.{2001}") {
            return (synth(404));
        }
        set req.url = regsuball(regsub(req.url, "\?", "?&") + var.get("query"),
            "&([^=& ]*+)(?:=[^& ]*+)?(?![^ ]*+ (?:[^ ]++ )*?\1 )", "");
        set req.url = regsub(regsub(req.url, "\?&", "?"), " .*$", "");
    }
}

# Ask for the verdict on the URL of any other method, too, since some servers answer POST with the file. The request is a
# GET for the lookup, and is put back before it is passed on.
sub takedown_site_other_method {
    call takedown_settings;
    if (var.get("other URLs") == "pass" && req.method !~ "^(?:PURGE|BAN|HEARTBEAT|CONNECT|TRACE)$") {
        call takedown_site_request;
        call takedown_site_body;
        var.set("other method", "yes");
        set req.method = "GET";
        call takedown_lease_limit_hits;
        return (hash);
    }
}

# Hold the whole body in memory, since Varnish would read it to its end, and lose it, while it waits for the verdict. No
# header shows the body of a request over HTTP/2.
sub takedown_site_body {
    if (req.proto == "HTTP/1.0" && req.http.Transfer-Encoding) {
        return (synth(400, "Bad Request: HTTP/1.0 has no Transfer-Encoding"));
    }
    # Varnish reserves the memory for a Content-Length before the body arrives. If it cannot read a body to its end, it
    # closes the connection without an answer.
    if ((req.http.Content-Length && std.integer(req.http.Content-Length, 999999999999999) >
        std.integer(bytes=std.bytes(var.get("largest body")))) ||
        !std.cache_req_body(std.bytes(var.get("largest body")))) {
        return (synth(413, "Content Too Large"));
    }
}

sub takedown_site_hit {
    if (obj.http.Takedown-Rule == "none") {
        call takedown_site_pass_on;
    }
    if (var.get("other method") == "yes") {
        return (synth(405));
    }
}

# Let a range of a file that is not kept, such as a film, reach the site's server. The answer is this client's only.
sub takedown_site_miss {
    if (req.hash_ignore_vary && req.is_hitmiss && req.http.Range) {
        return (pass);
    }
}

# ---- What no rule reads ----------------------------------------------------------------------------------------------

# Begin the request again as the client sent it, and pass it on, if the site wants that. If it had parameters that do not
# count, ask for the verdict on all of them before, since the site's server gets them.
sub takedown_site_pass_on {
    call takedown_settings;
    if (var.get("other URLs") == "pass") {
        # The rollback forgets all variables. No client can set one.
        if (var.get("shortened") == "yes") {
            std.rollback(req);
            var.set("whole query", "yes");
            # The server is chosen already.
            var.set("site", "yes");
        } else {
            std.rollback(req);
            var.set("passed", "yes");
        }
        return (restart);
    }
}

sub takedown_site_pass {
    if (var.get("passed") == "yes") {
        call takedown_site_find;
        unset req.http.Takedown-Rendition;
        # Varnish answers 503 to several ranges.
        call takedown_ranges_request;
        # Varnish adds the client's address to the first request only, and the rollback has removed it.
        if (req.http.X-Forwarded-For) {
            set req.http.X-Forwarded-For = req.http.X-Forwarded-For + ", " + client.ip;
        } else {
            set req.http.X-Forwarded-For = client.ip;
        }
        return (pass);
    }
}

# ---- The answer ------------------------------------------------------------------------------------------------------

sub takedown_site_deliver {
    if (var.get("passed")) {
        unset resp.http.X-Varnish;
        unset resp.http.X-Vinyl;
        unset resp.http.Via;
        set resp.http.Cache-Status = "edge-takedown; fwd=bypass";
        call takedown_probe_answer;
        return (deliver);
    }
    if (resp.http.Takedown-Rule == "none") {
        call takedown_site_pass_on;
    }
    if (req.method == "OPTIONS" || var.get("other method") == "yes") {
        call takedown_site_name;
    }
    unset resp.http.Takedown-Rule;
    unset resp.http.Takedown-Image;
}

# Answer OPTIONS with the code that the verdict names, and any other method with 405, unless nobody knows.
sub takedown_site_name {
    if (resp.status >= 500) {
        return (synth(503));
    }
    if (var.get("other method") == "yes") {
        return (synth(405));
    }
    if (resp.http.Takedown-Image ~ "^[A-Za-z0-9_-]{1,64}$") {
        return (synth(200, resp.http.Takedown-Image));
    }
    return (synth(404));
}
