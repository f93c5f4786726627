# Take the purger's heartbeat (HEARTBEAT /), which renews the lease.
# Takedown-Epoch is the moment E of the edge's own clock up to which the edge has every purge. Without that header only
# tell the edge's state. Answer 412 if it names another position.

sub takedown_heartbeat_request {
    if (req.url != "/") {
        return (synth(400, "Bad Request: HEARTBEAT wants the path /"));
    }
    if (req.http.Takedown-Epoch) {
        call takedown_heartbeat_epoch;
    }
    call takedown_position_expect;
    if (!req.http.Takedown-Epoch) {
        return (synth(200, "Asked, nothing renewed"));
    }
    call takedown_heartbeat_renew;
    return (synth(200, "Renewed"));
}

sub takedown_heartbeat_epoch {
    std.collect(req.http.Takedown-Epoch, ",");
    if (req.http.Takedown-Epoch !~ "^[0-9]{1,11}\.[0-9]{3}$") {
        return (synth(400, "Bad Request: Takedown-Epoch wants seconds.milliseconds"));
    }
    if (std.real(req.http.Takedown-Epoch, 0.0) > std.real(time=std.now())) {
        return (synth(400, "Bad Request: Takedown-Epoch lies in the future of this edge's clock"));
    }
}

# Keep the later of two moments, so that a delayed heartbeat does not shorten the lease. A moment in the future, from
# before the clock was set back, gives way: otherwise each new moment would be earlier, and the edge in fail-safe mode
# until the clock has caught up.
sub takedown_heartbeat_renew {
    if (std.real(var.global_get("trusted from"), 0.0) <= std.real(req.http.Takedown-Epoch, 0.0) ||
        std.real(var.global_get("trusted from"), 0.0) > std.real(time=std.now())) {
        # In this order, no request in between sees a lease longer than the old or the new one. vmod var also finds
        # first the global that was set last, and each hit reads both.
        var.global_set("trusted from", req.http.Takedown-Epoch);
        var.global_set("trusted until",
            std.real(req.http.Takedown-Epoch, 0.0) + std.real(duration=var.get_duration("lease")));
    }
}
