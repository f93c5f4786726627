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

# Called by vcl_hit. An object from the future, of a clock that was set back, has no age that the fail-safe TTL could cap.
# It is removed, so that all who ask for it wait for one fetch. (obj.age counts from the start of the request, and is less
# than 0 for those who waited for the object.)
sub takedown_trust_clock {
    if (req.ttl > 0s && obj.time > std.now()) {
        purge.hard();
        set req.hash_always_miss = true;
        return (restart);
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
    call takedown_untold;
    if ((var.get("mode") == "fail-safe" || var.get("untold") == "yes") && !beresp.uncacheable) {
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

# An answer may show a change that this edge has yet to be told of. Should the database lose it before, it is never told,
# and its position, which is right, gives nothing away: such an answer is kept no longer than in fail-safe mode. An edge
# without a position has a purger of 0.1, which names no batches.
sub takedown_untold {
    var.set("untold", "no");
    if (var.get("mode") == "trusted" && var.global_get("position") != "0:none" &&
        (var.get("changed") == "pending" || std.integer(var.get("changed"), 0) >
         std.integer(str.split(var.global_get("position"), 1, ":"), 0))) {
        var.set("untold", "yes");
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
    if (var.get_duration("lease") <= 0s || var.get_duration("fail-safe TTL") <= 0s) {
        # Varnish takes a cap of 0 for no cap.
        return (fail("The lease and the fail-safe TTL must be longer than 0s: see takedown_settings in default.vcl"));
    }
    call takedown_renditions;
    if (var.get("renditions") !~ "^ (?:[a-z0-9_-]{1,32} )*$") {
        return (fail("The renditions are not names with a space around each: see takedown_renditions in default.vcl"));
    }
    if (std.integer(bytes=std.bytes(var.get("largest kept"), 0B)) <= 0) {
        return (fail("largest kept is not a number of bytes such as 16M: see takedown_settings in default.vcl"));
    }
    if (var.get("purger") != "yes" && var.get("purger") != "no") {
        return (fail("purger is neither yes nor no: see takedown_settings in default.vcl"));
    }
}
