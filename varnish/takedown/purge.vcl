# Carry out the purger's PURGE and BAN.
#
# PURGE /images/<code> removes one image in all its renditions. BAN / adds a ban of Varnish (not a moderator's ban),
# which removes all objects that match an expression. It takes exactly one of Takedown-Codes, Takedown-Owners,
# Takedown-Digests and Takedown-All. An argument becomes part of the expression, so each of its characters is checked.
# The expressions use only obj.*, so that the ban lurker can evaluate them.

sub takedown_purge_image {
    if (req.method == "PURGE") {
        if (req.url !~ "^/images/[A-Za-z0-9_-]{1,64}$") {
            return (synth(400, "Bad Request: PURGE wants /images/<code>, and removes all renditions of it"));
        }
        var.set("code", str.split(req.url, 2, "/"));
        # The mark is set before the lookup, so an answer that the fence has compared with the old mark is already in
        # the cache, and the fence compares later ones with this mark. Rebounds remove the answer of a thread that was
        # held up between the comparison and the insertion.
        call takedown_fence_mark_code;
        # The fence handles the fetches in flight, so the purge need not wait for them.
        set req.hash_ignore_busy = true;
        return (hash);
    }
}

# Remove all objects of the code that was looked up. vcl_hit and vcl_miss call this: the lookup may end in either.
sub takedown_purge_object {
    if (req.method == "PURGE") {
        var.set_int("removed", purge.hard());
        call takedown_position_move;
        return (synth(200, "Purged " + var.get("code") + ": " + var.get_int("removed") + " removed"));
    }
}

sub takedown_purge_ban {
    if (req.method == "BAN") {
        call takedown_purge_ban_arguments;
        if (req.http.Takedown-Codes) {
            call takedown_purge_ban_codes;
        } elseif (req.http.Takedown-Owners) {
            call takedown_purge_ban_owners;
        } elseif (req.http.Takedown-Digests) {
            call takedown_purge_ban_digests;
        } else {
            call takedown_purge_ban_all;
        }
    }
}

sub takedown_purge_ban_arguments {
    # Joins the lines of a header that was sent twice: Varnish reads only the first.
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

sub takedown_purge_ban_codes {
    if (req.http.Takedown-Codes !~ "^(?:[A-Za-z0-9_-]{1,64}(?:,(?!$)|$))++$") {
        return (synth(400, "Bad Request: Takedown-Codes wants codes with commas between them, and no spaces"));
    }
    # A list of codes with the same last character repeats no fetch of other codes. The purger sends such lists.
    if (req.http.Takedown-Codes ~ "^[^,]*([^,])(?:,[^,]*\1)*+$") {
        var.set("code", req.http.Takedown-Codes);
        call takedown_fence_mark_code;
    } else {
        call takedown_fence_mark_all;
    }
    var.set("ban", "obj.http.Takedown-Image ~ ^(?:" + regsuball(req.http.Takedown-Codes, ",", "|") + ")/");
    var.set("banned", "the codes of the list");
    call takedown_purge_ban_now;
}

sub takedown_purge_ban_owners {
    if (req.http.Takedown-Owners !~ "^(?:[A-Za-z0-9_-]{1,64}(?:,(?!$)|$))++$") {
        return (synth(400, "Bad Request: Takedown-Owners wants owners' keys with commas between them, and no spaces"));
    }
    if (req.http.Takedown-Owners ~ "^[^,]*([^,])(?:,[^,]*\1)*+$") {
        var.set("owner", req.http.Takedown-Owners);
        call takedown_fence_mark_owner;
    } else {
        call takedown_fence_mark_all;
    }
    var.set("ban", "obj.http.Takedown-Image ~ ^[^/]*/(?:" + regsuball(req.http.Takedown-Owners, ",", "|") + ")(?:/|$)");
    var.set("banned", "the owners of the list");
    call takedown_purge_ban_now;
}

# Remove also the objects of unknown content, which have no digest (key.vcl).
sub takedown_purge_ban_digests {
    if (req.http.Takedown-Digests !~ "^(?:[0-9a-f]{64}(?:,(?!$)|$))++$") {
        return (synth(400,
            "Bad Request: Takedown-Digests wants digests (64 of 0-9 a-f) with commas between them, and no spaces"));
    }
    if (req.http.Takedown-Digests ~ "^[^,]*([^,])(?:,[^,]*\1)*+$") {
        var.set("digest", req.http.Takedown-Digests);
        call takedown_fence_mark_digest;
    } else {
        call takedown_fence_mark_all;
    }
    var.set("ban", "obj.http.Takedown-Image ~ ^[^/]*/[^/]*(?:/(?:" +
        regsuball(req.http.Takedown-Digests, ",", "|") + "))?$");
    var.set("banned", "the digests of the list");
    call takedown_purge_ban_now;
}

sub takedown_purge_ban_all {
    if (req.http.Takedown-All != "1") {
        return (synth(400, "Bad Request: Takedown-All wants 1"));
    }
    var.set("ban", "obj.status != 0");
    var.set("banned", "everything");
    if (req.http.Takedown-Older) {
        # Sets no mark: the flush before it has done so, and this ban removes objects that passed the fence before the
        # flush and entered the cache after it.
        var.set("ban", "obj.age > " + req.http.Takedown-Older + "s");
        var.set("banned", "everything older");
    } elseif (req.http.Takedown-Batch && !req.http.Takedown-After) {
        call takedown_fence_mark_flush;
    } else {
        call takedown_fence_mark_all;
    }
    call takedown_purge_ban_now;
}

sub takedown_purge_ban_now {
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
