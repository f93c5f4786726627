# Renew the lease at the purger's heartbeat, decide from it whether the edge trusts its cache, and limit what an edge in
# fail-safe mode serves.
#
# A heartbeat (HEARTBEAT /) with Takedown-Epoch: E says "you have every purge that was committed before E", where E is
# an earlier time of this edge's own clock. The edge trusts its cache while E <= now < E + lease. At all other times,
# and from its start to the first heartbeat, it is in fail-safe mode: a hit is at most the fail-safe TTL old, and
# nothing is served by grace.

# ---- HEARTBEAT -------------------------------------------------------------------------------------------------------

# Renew the lease. Without Takedown-Epoch only answer with the edge's state. Answer 412 if the heartbeat names another
# position than the edge's.
sub takedown_lease_heartbeat {
    if (req.url != "/") {
        return (synth(400, "Bad Request: HEARTBEAT wants the path /"));
    }
    if (req.http.Takedown-Epoch) {
        call takedown_lease_epoch;
    }
    call takedown_position_expect;
    if (!req.http.Takedown-Epoch) {
        return (synth(200, "Asked, nothing renewed"));
    }
    call takedown_lease_renew;
    return (synth(200, "Renewed"));
}

sub takedown_lease_epoch {
    std.collect(req.http.Takedown-Epoch, ",");
    if (req.http.Takedown-Epoch !~ "^[0-9]{1,11}\.[0-9]{3}$") {
        return (synth(400, "Bad Request: Takedown-Epoch wants seconds.milliseconds"));
    }
    if (std.real(req.http.Takedown-Epoch, 0.0) > std.real(time=std.now())) {
        return (synth(400, "Bad Request: Takedown-Epoch lies in the future of this edge's clock"));
    }
}

# Keep the later of two epochs, so that a delayed heartbeat does not shorten the lease. An epoch from the future is
# replaced: the clock was set back, and each new epoch would be earlier, which would leave the edge in fail-safe mode
# until the clock has caught up.
sub takedown_lease_renew {
    if (std.real(var.global_get("trusted from"), 0.0) <= std.real(req.http.Takedown-Epoch, 0.0) ||
        std.real(var.global_get("trusted from"), 0.0) > std.real(time=std.now())) {
        # In this order, no request in between sees a lease longer than the old or the new one. vmod var also finds the
        # globals fastest that were set last, and each hit reads these two.
        var.global_set("trusted from", req.http.Takedown-Epoch);
        var.global_set("trusted until",
            std.real(req.http.Takedown-Epoch, 0.0) + std.real(duration=var.get_duration("lease")));
    }
}

# ---- Fail-safe mode --------------------------------------------------------------------------------------------------

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

# End for good a lease that begins in the future: the clock was set back. Otherwise the edge would trust its cache again
# when the clock has caught up, although no purger may have reached it since. The next heartbeat begins a new lease.
sub takedown_lease_forget_future {
    if (std.real(var.global_get("trusted from"), 0.0) > std.real(time=std.now()) &&
        std.real(var.global_get("trusted until"), 0.0) > 0.0) {
        var.global_set("trusted until", "0");
    }
}

# Remove an object from the future in fail-safe mode: the clock was set back after its fetch, so the fail-safe TTL
# cannot limit its age. After the removal, all who ask for it wait for one fetch. (obj.age would not do: it counts from
# the start of the request, and is negative for those who waited for the object.)
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
# for which no purge has come yet. Varnish counts the age from the response; this counts it from the start of the fetch,
# since the origin's lookup may be that old.
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

# Set the variable "untold" to yes if the answer shows a change for which this edge has had no purge yet. If the
# database loses that change before its purge, no purge comes, and the edge's position does not show it.
sub takedown_lease_untold {
    var.set("untold", "no");
    if (var.get("mode") == "trusted" && (var.get("changed") == "pending" ||
        std.integer(var.get("changed"), 0) > std.integer(str.split(var.global_get("position"), 1, ":"), 0))) {
        var.set("untold", "yes");
    }
}
