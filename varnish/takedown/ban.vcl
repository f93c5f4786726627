# Add a ban of Varnish (not a moderator's ban), which removes all objects that match an expression: BAN /.
# Takes exactly one of Takedown-Codes, Takedown-Owners, Takedown-Digests and Takedown-All.
# An argument becomes part of the ban's expression, so each of its characters is checked. The expressions use obj.*
# only, so that the ban lurker can evaluate them.

sub takedown_ban_request {
    if (req.method == "BAN") {
        call takedown_ban_arguments;
        if (req.http.Takedown-Codes) {
            call takedown_ban_codes;
        } elseif (req.http.Takedown-Owners) {
            call takedown_ban_owners;
        } elseif (req.http.Takedown-Digests) {
            call takedown_ban_digests;
        } else {
            call takedown_ban_all;
        }
    }
}

sub takedown_ban_arguments {
    # Without this, the second line of a header that was sent twice would be lost.
    std.collect(req.http.Takedown-Codes, ",");
    std.collect(req.http.Takedown-Owners, ",");
    std.collect(req.http.Takedown-Digests, ",");
    std.collect(req.http.Takedown-All, ",");
    if (req.url != "/") {
        return (synth(400, "Bad Request: BAN wants the path /"));
    }
    var.set("arguments", "");
    if (req.http.Takedown-Codes) { var.set("arguments", var.get("arguments") + "1"); }
    if (req.http.Takedown-Owners) { var.set("arguments", var.get("arguments") + "1"); }
    if (req.http.Takedown-Digests) { var.set("arguments", var.get("arguments") + "1"); }
    if (req.http.Takedown-All) { var.set("arguments", var.get("arguments") + "1"); }
    if (var.get("arguments") != "1") {
        return (synth(400, "Bad Request: BAN wants exactly one of Takedown-Codes, Takedown-Owners, Takedown-Digests " +
            "and Takedown-All"));
    }
}

sub takedown_ban_codes {
    if (req.http.Takedown-Codes !~ "^(?:[A-Za-z0-9_-]{1,64}(?:,(?!$)|$))++$") {
        return (synth(400, "Bad Request: Takedown-Codes wants codes with commas between them, and no spaces"));
    }
    # The purger sends lists of codes with the same last character: their mark disturbs no fetch of another code.
    if (req.http.Takedown-Codes ~ "^[^,]*([^,])(?:,[^,]*\1)*+$") {
        var.set("code", req.http.Takedown-Codes);
        call takedown_marks_code;
    } else {
        call takedown_marks_all;
    }
    var.set("ban", "obj.http.Takedown-Image ~ ^(?:" + regsuball(req.http.Takedown-Codes, ",", "|") + ")/");
    var.set("banned", "the codes of the list");
    call takedown_ban_now;
}

sub takedown_ban_owners {
    if (req.http.Takedown-Owners !~ "^(?:[A-Za-z0-9_-]{1,64}(?:,(?!$)|$))++$") {
        return (synth(400, "Bad Request: Takedown-Owners wants owners' keys with commas between them, and no spaces"));
    }
    if (req.http.Takedown-Owners ~ "^[^,]*([^,])(?:,[^,]*\1)*+$") {
        var.set("owner", req.http.Takedown-Owners);
        call takedown_marks_owner;
    } else {
        call takedown_marks_all;
    }
    var.set("ban", "obj.http.Takedown-Image ~ ^[^/]*/(?:" + regsuball(req.http.Takedown-Owners, ",", "|") + ")(?:/|$)");
    var.set("banned", "the owners of the list");
    call takedown_ban_now;
}

# Remove also the objects of unknown content, which have no digest (key.vcl).
sub takedown_ban_digests {
    if (req.http.Takedown-Digests !~ "^(?:[0-9a-f]{64}(?:,(?!$)|$))++$") {
        return (synth(400,
            "Bad Request: Takedown-Digests wants digests (64 of 0-9 a-f) with commas between them, and no spaces"));
    }
    if (req.http.Takedown-Digests ~ "^[^,]*([^,])(?:,[^,]*\1)*+$") {
        var.set("digest", req.http.Takedown-Digests);
        call takedown_marks_digest;
    } else {
        call takedown_marks_all;
    }
    var.set("ban", "obj.http.Takedown-Image ~ ^[^/]*/[^/]*(?:/(?:" +
        regsuball(req.http.Takedown-Digests, ",", "|") + "))?$");
    var.set("banned", "the digests of the list");
    call takedown_ban_now;
}

sub takedown_ban_all {
    if (req.http.Takedown-All != "1") {
        return (synth(400, "Bad Request: Takedown-All wants 1"));
    }
    var.set("ban", "obj.status != 0");
    var.set("banned", "everything");
    if (req.http.Takedown-Older) {
        # No mark: the flush has set it, and this ban is for objects that passed the fence before that and entered the
        # cache later.
        var.set("ban", "obj.age > " + req.http.Takedown-Older + "s");
        var.set("banned", "everything older");
    } elseif (req.http.Takedown-Batch && !req.http.Takedown-After) {
        call takedown_marks_flush;
    } else {
        call takedown_marks_all;
    }
    call takedown_ban_now;
}

sub takedown_ban_now {
    if (!std.ban(var.get("ban"))) {
        return (synth(500, "Internal Server Error: the ban was not taken: " + std.ban_error()));
    }
    if (req.http.Takedown-All && !req.http.Takedown-After) {
        call takedown_position_flush;
    } else {
        call takedown_position_move;
    }
    return (synth(200, "Banned " + var.get("banned")));
}
