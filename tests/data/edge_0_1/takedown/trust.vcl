# The lease. A heartbeat says "you have everything that was committed before E", E being this edge's own clock earlier
# on, and the cache is trusted while E <= now < E + lease. At all other times, from the start on, the edge is in
# fail-safe mode: a hit is at most the fail-safe TTL old, and nothing is served by grace.

sub takedown_trust_hits {
    # What every hit pays.
    if (std.real(var.global_get("trusted until"), 0.0) <= std.real(time=now) ||
        std.real(var.global_get("trusted from"), 0.0) > std.real(time=now)) {
        call takedown_settings;
        if (var.get("purger") != "no") {
            set req.ttl = var.get_duration("fail-safe TTL");
            set req.grace = 0s;
        }
    }
}

sub takedown_mode {
    call takedown_settings;
    if (var.get("purger") == "no") {
        var.set("mode", "unguarded");
    } elseif (std.real(var.global_get("trusted until"), 0.0) <= std.real(time=now) ||
              std.real(var.global_get("trusted from"), 0.0) > std.real(time=now)) {
        var.set("mode", "fail-safe");
    } else {
        var.set("mode", "trusted");
    }
}

# No purge arrives in fail-safe mode, so age counts from the moment at which the fetch began: what the origin saw may be
# as old as that, and Varnish counts from the response.
sub takedown_trust_object {
    call takedown_mode;
    if (var.get("mode") == "fail-safe" && !beresp.uncacheable) {
        var.set_duration("rest", var.get_duration("fail-safe TTL") -
            std.duration(real=std.real(time=now) - var.get_real("fetch began")));
        if (beresp.ttl > var.get_duration("rest")) {
            set beresp.ttl = var.get_duration("rest");
        }
        set beresp.grace = 0s;
        if (beresp.ttl <= 0s) {
            call takedown_uncacheable;
        }
    }
}

# Called by vcl_init. Globals outlive a reload, and the instance lasts as long as the process: it says to the purger
# that this cache is still the one it knows. E and marks need no first value, since what is absent vouches for nothing.
sub takedown_start {
    if (!var.global_get("instance")) {
        var.global_set("instance", std.real(time=std.now()) + "-" + std.integer(real=std.random(0, 1000000000)));
    }
}

sub takedown_check_settings {
    call takedown_settings;
    if (var.get("token") !~ "^[!-~]+\s*$") {
        return (fail("The token file is missing, unreadable, or not one word: see takedown_settings in default.vcl"));
    }
    if (var.get_duration("lease") <= 0s || var.get_duration("fail-safe TTL") <= 0s) {
        # Varnish takes a cap of 0 for no cap.
        return (fail("The lease and the fail-safe TTL must be longer than 0s: see takedown_settings in default.vcl"));
    }
    if (var.get("purger") != "yes" && var.get("purger") != "no") {
        return (fail("purger is neither yes nor no: see takedown_settings in default.vcl"));
    }
}
