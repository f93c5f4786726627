# Decide from the lease whether the edge trusts its cache, and limit what an edge in fail-safe mode serves.
#
# A heartbeat says "you have every purge that was committed before E", where E is an earlier time of this edge's own
# clock. The edge trusts its cache while E <= now < E + lease. At all other times, also from its start to the first
# heartbeat, it is in fail-safe mode: a hit is at most the fail-safe TTL old, and nothing is served by grace.

# Limit ttl and grace of a hit in fail-safe mode.
sub takedown_lease_limit_hits {
    # Every hit pays for this, so the settings are read only in fail-safe mode.
    if (std.real(var.global_get("trusted until"), 0.0) <= std.real(time=now) ||
        std.real(var.global_get("trusted from"), 0.0) > std.real(time=now)) {
        call takedown_settings;
        if (var.get("purger") != "no") {
            set req.ttl = var.get_duration("fail-safe TTL");
            set req.grace = 0s;
        }
        call takedown_lease_forget_future;
    }
}

# End for good a lease that begins in the future: the clock was set back. Without this the edge would trust its cache
# again when the clock has caught up, on the word of a purger that may be cut off since. The next heartbeat begins another.
sub takedown_lease_forget_future {
    if (std.real(var.global_get("trusted from"), 0.0) > std.real(time=std.now()) &&
        std.real(var.global_get("trusted until"), 0.0) > 0.0) {
        var.global_set("trusted until", "0");
    }
}

# Remove an object from the future in fail-safe mode: the clock was set back after its fetch, and the fail-safe TTL
# cannot limit its age. After the removal, all who ask for it wait for one fetch. (obj.age would not do: it counts from
# the start of the request, and is below 0 for those who waited for the object.)
sub takedown_lease_remove_future {
    if (req.ttl > 0s && obj.time > std.now()) {
        purge.hard();
        set req.hash_always_miss = true;
        return (restart);
    }
}

# Set the variable "mode": trusted, fail-safe, or unguarded for an edge without a purger.
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

# Limit the lifetime of an object that is fetched in fail-safe mode, where no purge may arrive, or that shows a change
# of which the edge was not told. Its age counts from the start of the fetch, since the origin's lookup may be that old,
# and not from the response as Varnish counts.
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

# Set the variable "untold" to yes if the answer shows a change of which no purge has told this edge so far. If the
# database loses that change before its purge, none comes, and the position of the edge is right and reveals nothing.
sub takedown_lease_untold {
    var.set("untold", "no");
    if (var.get("mode") == "trusted" && (var.get("changed") == "pending" ||
        std.integer(var.get("changed"), 0) > std.integer(str.split(var.global_get("position"), 1, ":"), 0))) {
        var.set("untold", "yes");
    }
}
