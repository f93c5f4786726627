# Keep the two values by which the purger knows this edge: its instance, and its position in the outbox.
#
# The instance is new at each start of varnishd's worker process. By it the purger notices that an edge has lost its
# cache, its lease and its marks.
#
# The position is N:IDENTITY, the last batch up to which the edge has every purge. The purger renews the lease only of
# an edge whose position is in its database. So it notices an edge that was put back to a snapshot, and one that got
# purges from another database.
#
# Takedown-Batch names the position of the edge after a request. Takedown-Part-Of names the batch that a purge is part
# of, and does not move the edge. Takedown-After, beside either, names the position that the purger expects the edge to
# have. An edge at another position stays there, and its fence treats the purge as one by hand, because the number may
# be of a database that has gone back since. A purge with neither number is one by hand as well.

# Count the loaded VCLs, and fail this load if the cache may hold objects that no purge finds. vmod xkey keeps its index
# of tags while any VCL that imports it is loaded: the cache was in use before the first one, or after the last one.
sub takedown_position_load {
    var.set_int("loaded", std.integer(var.global_get("loaded"), 0));
    var.global_set("loaded", var.get_int("loaded") + 1);
    if (var.global_get("instance") && var.get_int("loaded") == 0) {
        return (fail("No VCL with tags was loaded any more, so no purge would find the objects in this cache: restart " +
            "varnishd"));
    }
}

# Varnish calls this at the discard of a VCL, and after a load that failed.
sub takedown_position_unload {
    var.global_set("loaded", std.integer(var.global_get("loaded"), 1) - 1);
}

# Set instance and position at the first load of a VCL. Globals outlive a reload. No database has the position 0:none.
# Lease and marks need no initial value: without them the edge is in fail-safe mode.
sub takedown_position_start {
    if (!var.global_get("instance")) {
        var.global_set("instance", std.real(time=std.now()) + "-" + std.integer(real=std.random(0, 1000000000)));
        var.global_set("position", "0:none");
    }
}

# Answer 412 if If-Match names another instance: another edge behind the same address, or this edge before its restart.
sub takedown_position_match {
    if (req.http.If-Match) {
        std.collect(req.http.If-Match);
        if (req.http.If-Match != "*" &&
            !std.strstr(req.http.If-Match, {"""} + var.global_get("instance") + {"""})) {
            return (synth(412, "Precondition Failed: this is another instance than the one in If-Match"));
        }
    }
}

sub takedown_position_arguments {
    # Joins the lines of a header that was sent twice: Varnish reads only the first.
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
    if (req.http.Takedown-Older && (req.method != "BAN" || req.http.Takedown-Batch || req.http.Takedown-Part-Of)) {
        return (synth(400, "Bad Request: Takedown-Older goes on BAN, and without a batch"));
    }
}

# Set the variable "number" for the fence: the batch of this purge, or "" for one by hand. A rebound that names a
# position which the edge has left counts as one by hand. The first purge has already set the number, and the price is a
# second attempt for fetches in flight.
sub takedown_position_number {
    var.set("number", "");
    if (!req.http.Takedown-After || req.http.Takedown-After == var.global_get("position")) {
        var.set("number", str.split(req.http.Takedown-Batch, 1, ":") + req.http.Takedown-Part-Of);
    }
}

# Move the edge to the position of a purge that was carried out. An edge at another position than the one in
# Takedown-After stays there, and the purger sees it in the answer: the edge went back, or got purges from another
# purger.
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
