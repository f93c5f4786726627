# The lease. A heartbeat says "you have everything that was committed before E", E being this edge's own clock earlier
# on, and the cache is trusted while E <= now < E + lease. At all other times, from the start on, the edge is in
# fail-safe mode: a hit is at most the fail-safe TTL old, and nothing is served by grace.

sub takedown_lease_limit_hits {
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
sub takedown_lease_remove_future {
    if (req.ttl > 0s && obj.time > std.now()) {
        purge.hard();
        set req.hash_always_miss = true;
        return (restart);
    }
}

sub takedown_lease_mode {
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
sub takedown_lease_limit_object {
    call takedown_lease_mode;
    call takedown_lease_untold;
    if ((var.get("mode") == "fail-safe" || var.get("untold") == "yes") && !beresp.uncacheable) {
        var.set_duration("rest", var.get_duration("fail-safe TTL") -
            std.duration(real=std.real(time=now) - var.get_real("fetch began")));
        if (beresp.ttl > var.get_duration("rest")) {
            set beresp.ttl = var.get_duration("rest");
        }
        set beresp.grace = 0s;
        if (beresp.ttl <= 0s) {
            call takedown_lifetime_uncacheable;
        }
    }
}

# An answer may show a change that this edge has yet to be told of. If the database loses the change before, the edge is
# never told, and its position stays right: so such an answer is kept no longer than in fail-safe mode. An edge without a
# position has a purger of version 0.1, which names no batches.
sub takedown_lease_untold {
    var.set("untold", "no");
    if (var.get("mode") == "trusted" && var.global_get("position") != "0:none" &&
        (var.get("changed") == "pending" || std.integer(var.get("changed"), 0) >
         std.integer(str.split(var.global_get("position"), 1, ":"), 0))) {
        var.set("untold", "yes");
    }
}
