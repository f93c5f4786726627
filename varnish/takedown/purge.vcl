# Carry out the purger's PURGE and BAN.
#
# PURGE / with Takedown-Tags: <tag>,<tag>,... removes the objects that have any of these tags (key.vcl). PURGE
# /images/<code> is short for the tag i:<code>. vmod xkey finds the objects of a tag in an index, so a purge costs the
# same whatever the cache holds, and hits pay nothing for it. BAN / with Takedown-All: 1 removes all objects, by a ban
# of Varnish (not a moderator's ban), which each object is tested against.

sub takedown_purge_tags {
    if (req.method == "PURGE") {
        call takedown_purge_read_tags;
        # The marks are set before the removal, so an answer that the fence has compared with the old ones is already in
        # the cache, and the fence compares later ones with these. Rebounds remove the answer of a thread that was held
        # up between the comparison and the insertion into cache and index.
        call takedown_fence_mark_tags;
        # Objects of unknown content go with each purge of a digest.
        if (var.get("tags") ~ "(?:^|,)d:") {
            var.set("tags", var.get("tags") + ",d:");
        }
        var.set_int("removed", xkey.purge(var.get("tags")));
        call takedown_position_move;
        return (synth(200, "Purged: " + var.get_int("removed") + " removed"));
    }
}

# Set the variable "tags". Each character is checked: xkey would take a blank for a separator, and an unknown tag would
# remove less than was meant.
sub takedown_purge_read_tags {
    # Joins the lines of a header that was sent twice: Varnish reads only the first.
    std.collect(req.http.Takedown-Tags, ",");
    if (req.url ~ "^/images/[A-Za-z0-9_-]{1,64}$" && !req.http.Takedown-Tags) {
        var.set("tags", "i:" + str.split(req.url, 2, "/"));
    } elseif (req.url == "/" &&
        req.http.Takedown-Tags ~ "^(?:(?:[io]:[A-Za-z0-9_-]{1,64}|d:[0-9a-f]{64})(?:,(?!$)|$))++$") {
        var.set("tags", req.http.Takedown-Tags);
    } else {
        return (synth(400, "Bad Request: PURGE wants / with Takedown-Tags (i:<code>, o:<owner> or d:<digest>, commas " +
            "between them, no spaces), or /images/<code>"));
    }
}

sub takedown_purge_all {
    if (req.method == "BAN") {
        std.collect(req.http.Takedown-All, ",");
        if (req.url != "/" || req.http.Takedown-All != "1" || req.http.Takedown-Tags) {
            return (synth(400, "Bad Request: BAN wants the path / and Takedown-All: 1. Tags go with PURGE"));
        }
        # Only obj.* is used, so that the ban lurker can evaluate it.
        var.set("ban", "obj.status != 0");
        if (req.http.Takedown-Older) {
            # Sets no mark: the flush before it has done so, and this ban removes objects that passed the fence before
            # the flush and entered the cache after it.
            var.set("ban", "obj.age > " + req.http.Takedown-Older + "s");
        } elseif (req.http.Takedown-Batch && !req.http.Takedown-After) {
            call takedown_fence_mark_flush;
        } else {
            call takedown_fence_mark_all;
        }
        call takedown_purge_ban;
    }
}

sub takedown_purge_ban {
    if (!std.ban(var.get("ban"))) {
        return (synth(500, "Internal Server Error: the ban was not taken: " + std.ban_error()));
    }
    if (req.http.Takedown-After) {
        call takedown_position_move;
    } else {
        call takedown_position_flush;
    }
    return (synth(200, "Banned"));
}
