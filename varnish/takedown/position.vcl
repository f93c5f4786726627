# Keep the place of this edge in the purger's log: the position N:IDENTITY, up to which it has every batch. The purger
# vouches only for an edge whose position its database knows: one that was put back to a snapshot, or that another
# database spoke to, is found out.
#
# Takedown-Batch names the position that the edge has after a request, and Takedown-Part-Of the number of the batch that a
# purge is a part of, which moves nothing. Takedown-After beside either names the position at which the purger takes the
# edge to be. An edge that is elsewhere stays there, and to its fence the purge is one by hand: the number may be of a
# database that has gone back since. A purge with neither number is one by hand, too.

# Called by vcl_init. Globals outlive a reload. No database knows this position.
sub takedown_position_start {
    if (!var.global_get("position")) {
        var.global_set("position", "0:none");
    }
}

sub takedown_position_arguments {
    # A header sent twice would otherwise lose its second line.
    std.collect(req.http.Takedown-Batch, ",");
    std.collect(req.http.Takedown-After, ",");
    std.collect(req.http.Takedown-Part-Of, ",");
    std.collect(req.http.Takedown-Older, ",");
    if (req.http.Takedown-Batch && req.http.Takedown-Batch !~ "^[0-9]{1,15}:[0-9A-Za-z-]{1,64}$") {
        return (synth(400, "Bad Request: Takedown-Batch wants number:identity"));
    }
    if (req.http.Takedown-After && req.http.Takedown-After !~ "^[0-9]{1,15}:[0-9A-Za-z-]{1,64}$") {
        return (synth(400, "Bad Request: Takedown-After wants number:identity"));
    }
    if (req.http.Takedown-Part-Of && req.http.Takedown-Part-Of !~ "^[0-9]{1,15}$") {
        return (synth(400, "Bad Request: Takedown-Part-Of wants a batch's number"));
    }
    if (req.http.Takedown-Older && req.http.Takedown-Older !~ "^[0-9]{1,6}\.[0-9]{1,3}$") {
        return (synth(400, "Bad Request: Takedown-Older wants seconds.milliseconds"));
    }
    call takedown_position_combination;
}

sub takedown_position_combination {
    if (req.http.Takedown-After &&
        ((!req.http.Takedown-Batch && !req.http.Takedown-Part-Of) || req.method == "HEARTBEAT")) {
        return (synth(400,
            "Bad Request: Takedown-After goes with Takedown-Batch or Takedown-Part-Of on PURGE and BAN"));
    }
    if (req.http.Takedown-Part-Of && (req.http.Takedown-Batch || req.method == "HEARTBEAT")) {
        return (synth(400, "Bad Request: Takedown-Part-Of goes on PURGE and BAN, without Takedown-Batch"));
    }
    if (req.http.Takedown-Older && (req.method != "BAN" || !req.http.Takedown-All ||
        req.http.Takedown-Batch || req.http.Takedown-Part-Of)) {
        return (synth(400, "Bad Request: Takedown-Older goes on BAN with Takedown-All, and without a batch"));
    }
}

# For the fence: the batch of this purge, "" by hand. A rebound from before the edge's last move is one by hand as well.
# That costs a fetch in flight a second attempt, and the first sending has left its number.
sub takedown_position_number {
    var.set("number", "");
    if (!req.http.Takedown-After || req.http.Takedown-After == var.global_get("position")) {
        var.set("number", str.split(req.http.Takedown-Batch, 1, ":") + req.http.Takedown-Part-Of);
    }
}

# Called when the purge was carried out. A position that Takedown-After does not name stays, so that the purger finds it
# in the answer: this edge went back, or another purger spoke to it.
sub takedown_position_move {
    var.set("position", var.global_get("position"));
    if (req.http.Takedown-Batch &&
        (!req.http.Takedown-After || req.http.Takedown-After == var.get("position")) &&
        std.integer(str.split(req.http.Takedown-Batch, 1, ":"), 0) >
        std.integer(str.split(var.get("position"), 1, ":"), 0)) {
        var.global_set("position", req.http.Takedown-Batch);
    }
}

# A flush alone sets the position back.
sub takedown_position_flush {
    if (req.http.Takedown-Batch) {
        var.global_set("position", req.http.Takedown-Batch);
    }
}

sub takedown_position_expect {
    if (req.http.Takedown-Batch && req.http.Takedown-Batch != var.global_get("position")) {
        return (synth(412, "Precondition Failed: this edge is at another position than the one in Takedown-Batch"));
    }
}
