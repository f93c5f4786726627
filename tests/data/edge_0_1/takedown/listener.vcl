# The purge listener: who may speak to it, and what every answer of it carries.

sub takedown_listener {
    call takedown_authorise;
    call takedown_listener_methods;
    call takedown_instance;
    call takedown_purge;
    call takedown_ban;
    call takedown_heartbeat;
}

sub takedown_authorise {
    call takedown_settings;
    if (var.get("token") == "" || req.http.Authorization != "Bearer " + regsub(var.get("token"), "\s+$", "")) {
        return (synth(403, "Forbidden: Authorization must be Bearer and the token of this edge"));
    }
}

sub takedown_listener_methods {
    if (req.method != "PURGE" && req.method != "BAN" && req.method != "HEARTBEAT") {
        return (synth(405));
    }
}

# Two edges behind one address, or an edge that was restarted and holds nothing of what it was told.
sub takedown_instance {
    if (req.http.If-Match) {
        std.collect(req.http.If-Match);
        if (req.http.If-Match != "*" &&
            !std.strstr(req.http.If-Match, {"""} + var.global_get("instance") + {"""})) {
            return (synth(412, "Precondition Failed: this is another instance than the one in If-Match"));
        }
    }
}

sub takedown_listener_answer {
    # Half a millisecond less, so that rounding to whole ones never names a moment that has not yet come.
    set resp.http.Takedown-Now = std.real(time=std.now() - 0.5ms);
    set resp.http.ETag = {"""} + var.global_get("instance") + {"""};
    call takedown_mode;
    set resp.http.Takedown-Mode = var.get("mode");
    if (req.method == "PURGE" && resp.status == 200) {
        set resp.http.Takedown-Removed = var.get_int("removed");
    }
    if (req.method == "HEARTBEAT" && resp.status == 200 && var.global_get("trusted from")) {
        set resp.http.Takedown-Epoch = var.global_get("trusted from");
    }
    if (resp.status == 405) {
        set resp.http.Allow = "PURGE, BAN, HEARTBEAT";
    }
    call takedown_plain;
}
