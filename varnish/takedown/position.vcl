# Keep the position of this edge in the purger's outbox: N:IDENTITY, the last batch up to which it has every purge.
# The purger renews the lease only of an edge whose position its database knows. So it notices an edge that was put
# back to a snapshot, and one that got purges from another database.
#
# Takedown-Batch names the position of the edge after a request. Takedown-Part-Of names the batch that a purge is a part
# of, and does not move the edge. Takedown-After beside either names the position at which the purger takes the edge to
# be. An edge at another position stays there, and its fence treats the purge as one by hand: the number may be of a
# database that has gone back since. A purge with neither number is one by hand as well.

# Set the position at the first load of a VCL, to one that no database knows. Globals outlive a reload.
sub takedown_position_start {
    if (!var.global_get("position")) {
        var.global_set("position", "0:none");
    }
}

sub takedown_position_arguments {
    # Without this, the second line of a header that was sent twice would be lost.
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

# Set the variable "number" for the marks: the batch of this purge, "" by hand. A rebound that names a position which
# the edge has left is one by hand as well. That costs a fetch in flight a second attempt, and the first purge has
# already set the number.
sub takedown_position_number {
    var.set("number", "");
    if (!req.http.Takedown-After || req.http.Takedown-After == var.global_get("position")) {
        var.set("number", str.split(req.http.Takedown-Batch, 1, ":") + req.http.Takedown-Part-Of);
    }
}

# Move the edge to the position of a purge that was carried out. An edge at another position than that in Takedown-After
# stays there, and the answer tells the purger: the edge went back, or got purges from another purger.
sub takedown_position_move {
    var.set("position", var.global_get("position"));
    if (req.http.Takedown-Batch &&
        (!req.http.Takedown-After || req.http.Takedown-After == var.get("position")) &&
        std.integer(str.split(req.http.Takedown-Batch, 1, ":"), 0) >
        std.integer(str.split(var.get("position"), 1, ":"), 0)) {
        var.global_set("position", req.http.Takedown-Batch);
    }
}

# Set the position of a flush. Nothing else may move the edge back.
sub takedown_position_flush {
    if (req.http.Takedown-Batch) {
        var.global_set("position", req.http.Takedown-Batch);
    }
}

# Answer 412 to a heartbeat that names another position.
sub takedown_position_expect {
    if (req.http.Takedown-Batch && req.http.Takedown-Batch != var.global_get("position")) {
        return (synth(412, "Precondition Failed: this edge is at another position than the one in Takedown-Batch"));
    }
}
