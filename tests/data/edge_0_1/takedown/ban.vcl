# BAN / with exactly one of Takedown-Codes, Takedown-Owner and Takedown-All. What stands in a ban's expression is text,
# so the arguments are checked to the letter, and the fields are obj.* alone, so that the ban lurker can do its work.

sub takedown_ban {
    if (req.method == "BAN") {
        call takedown_ban_arguments;
        if (req.http.Takedown-Codes) {
            call takedown_ban_codes;
        } elseif (req.http.Takedown-Owner) {
            call takedown_ban_owner;
        } else {
            call takedown_ban_all;
        }
    }
}

sub takedown_ban_arguments {
    # A header sent twice would otherwise lose its second line.
    std.collect(req.http.Takedown-Codes, ",");
    std.collect(req.http.Takedown-Owner, ",");
    std.collect(req.http.Takedown-All, ",");
    if (req.url != "/") {
        return (synth(400, "Bad Request: BAN wants the path /"));
    }
    if ((req.http.Takedown-Codes && (req.http.Takedown-Owner || req.http.Takedown-All)) ||
        (req.http.Takedown-Owner && req.http.Takedown-All) ||
        !(req.http.Takedown-Codes || req.http.Takedown-Owner || req.http.Takedown-All)) {
        return (synth(400, "Bad Request: BAN wants exactly one of Takedown-Codes, Takedown-Owner and Takedown-All"));
    }
}

sub takedown_ban_codes {
    if (req.http.Takedown-Codes !~ "^(?:[A-Za-z0-9_-]{1,64}(?:,(?!$)|$))++$") {
        return (synth(400, "Bad Request: Takedown-Codes wants codes with commas between them, and no spaces"));
    }
    # Lists that end alike in every code, as the purger sends them, leave the fetches of other codes alone.
    if (req.http.Takedown-Codes ~ "^[^,]*([^,])(?:,[^,]*\1)*+$") {
        var.set("code", req.http.Takedown-Codes);
        call takedown_mark_code;
    } else {
        call takedown_mark_all;
    }
    var.set("ban", "obj.http.Takedown-Image ~ ^(?:" + regsuball(req.http.Takedown-Codes, ",", "|") + ")/");
    var.set("banned", "the codes of the list");
    call takedown_ban_now;
}

sub takedown_ban_owner {
    if (req.http.Takedown-Owner !~ "^[A-Za-z0-9_-]{1,64}$") {
        return (synth(400, "Bad Request: Takedown-Owner wants one owner's key"));
    }
    call takedown_mark_all;
    var.set("ban", "obj.http.Takedown-Image ~ /" + req.http.Takedown-Owner + "$");
    var.set("banned", "owner " + req.http.Takedown-Owner);
    call takedown_ban_now;
}

sub takedown_ban_all {
    if (req.http.Takedown-All != "1") {
        return (synth(400, "Bad Request: Takedown-All wants 1"));
    }
    call takedown_mark_all;
    var.set("ban", "obj.status != 0");
    var.set("banned", "everything");
    call takedown_ban_now;
}

sub takedown_ban_now {
    if (!std.ban(var.get("ban"))) {
        return (synth(500, "Internal Server Error: the ban was not taken: " + std.ban_error()));
    }
    return (synth(200, "Banned " + var.get("banned")));
}
