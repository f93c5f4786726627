# HEARTBEAT / renews the lease with the moment E in Takedown-Epoch, or without that header only asks. One that names
# another position than this edge's does neither.

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

# The later of two is kept, so that a delayed heartbeat takes nothing away; one that is kept from the future, of a clock
# that was set back, would never end and gives way.
sub takedown_heartbeat_renew {
    if (std.real(var.global_get("trusted from"), 0.0) <= std.real(req.http.Takedown-Epoch, 0.0) ||
        std.real(var.global_get("trusted from"), 0.0) > std.real(time=std.now())) {
        # In this order no request in between sees a lease that is longer than either. What is set last is found first,
        # and each hit reads both.
        var.global_set("trusted from", req.http.Takedown-Epoch);
        var.global_set("trusted until",
            std.real(req.http.Takedown-Epoch, 0.0) + std.real(duration=var.get_duration("lease")));
    }
}
