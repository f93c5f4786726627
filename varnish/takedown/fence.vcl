# Keep each answer out of the cache that is older than a purge of its image: the fence.
#
# Varnish purges only objects that it already holds. A fetch that was in flight during the purge, or that the origin
# answered from a replica that lags, would insert the version that the purge was to remove. So each purge first sets
# marks, and each answer is compared with them. These marks are globals:
#
#   mark <c>, owner <c>, digest <c>, mark all      "<flush> <number> <since> <base>"
#   purge <c>, purge all                           "<xid>" of the last purge
#   hand <c>, hand all                             "<xid>" of the last purge by hand: one without a batch number
#   flush                                          "<xid>" of the last flush
#
# <c> is the last character of the code, the owner's key or the digest that was purged: its group. With a single mark, a
# steady stream of purges would make the edge repeat every fetch of every other image. Each mark is a global of its own,
# so that two purges at the same time cannot undo each other's.
#
# <number> is the largest batch that purged the group. It counts only while <flush> is the last flush, since the
# database may go on at a smaller number after a flush. The batches after <base> have purged the group since the time
# <since>, which is at most half a second before the last of them.
#
# The origin's lookup for an answer with Takedown-Seen: S has seen every batch up to S. The fence accepts the answer if
# no batch above S has purged its group, whenever the fetch began, and if no purge by hand has come since it began. It
# accepts an answer without Takedown-Seen if no purge at all has come since the fetch began. It refuses any other
# answer, and the edge fetches again.
#
# When a fetch begins, it notes the last purges of its code's group and of all. Purges of owners and digests count as
# purges of all there, because only the answer names owner and digest, and noting each of their groups would cost every
# fetch about 20 microseconds. The price: such a purge by hand repeats every fetch in flight, and if the origin sends no
# Takedown-Seen, each purge of an owner or a digest does.

# ---- Set the marks of a purge, before it removes any object ----------------------------------------------------------

# Mark the group of a code, or of a list of codes with the same last character.
sub takedown_fence_mark_code {
    var.set("group", regsub(var.get("code"), "^.*(.)$", "\1"));
    var.set("mark name", "mark " + var.get("group"));
    call takedown_fence_mark_set;
}

# Mark the group of an owner, or of a list of owners with the same last character.
sub takedown_fence_mark_owner {
    var.set("group", "all");
    var.set("mark name", "owner " + regsub(var.get("owner"), "^.*(.)$", "\1"));
    call takedown_fence_mark_set;
}

# Mark the group of a digest, or of a list of digests with the same last character.
sub takedown_fence_mark_digest {
    var.set("group", "all");
    var.set("mark name", "digest " + regsub(var.get("digest"), "^.*(.)$", "\1"));
    call takedown_fence_mark_set;
}

# Mark all images, for a purge that reaches further than one group.
sub takedown_fence_mark_all {
    var.set("group", "all");
    var.set("mark name", "mark all");
    call takedown_fence_mark_set;
}

# Mark a flush. An answer from before it may have seen larger numbers, of a database that has gone back since, and
# nobody knows how old the purges are that a flush replaces. The hand mark is set before the flush, so that a fetch that
# finds the new flush also finds the new hand mark, and is repeated.
sub takedown_fence_mark_flush {
    call takedown_position_number;
    var.global_set("purge all", req.xid);
    var.global_set("hand all", req.xid);
    var.global_set("flush", req.xid);
    var.global_set("mark all", req.xid + " " + var.get("number") + " 0 " + var.get("number"));
}

# Note the purge, and set the mark's number, or the hand mark of a purge without a number.
sub takedown_fence_mark_set {
    var.global_set("purge " + var.get("group"), req.xid);
    # The flush is read before the position: if a flush at this instant makes the number void, the mark has the flush of
    # before, and does not count.
    var.set("flush", std.integer(var.global_get("flush"), 0));
    call takedown_position_number;
    if (var.get("number") == "") {
        var.global_set("hand " + var.get("group"), req.xid);
    } else {
        call takedown_fence_mark_number;
    }
}

# Raise the number of the mark. A number that is not larger, such as that of a rebound, changes nothing, not even
# <since>. Two purges of one group at the same instant may leave the smaller number; their rebounds correct it.
sub takedown_fence_mark_number {
    var.set("former", var.global_get(var.get("mark name")));
    if (!str.split(var.get("former"), 4, " ") || str.split(var.get("former"), 1, " ") != var.get("flush")) {
        var.set("former", var.get("flush") + " 0 0 0");
    }
    if (std.integer(var.get("number"), 0) > std.integer(str.split(var.get("former"), 2, " "), 0)) {
        var.set_real("age", std.real(time=std.now()) - std.real(str.split(var.get("former"), 3, " "), 0.0));
        if (var.get_real("age") >= 0.0 && var.get_real("age") <= 0.5) {
            var.global_set(var.get("mark name"),
                regsub(var.get("former"), "^([^ ]+) [^ ]+", "\1 " + var.get("number")));
        } else {
            var.global_set(var.get("mark name"), var.get("flush") + " " + var.get("number") + " " +
                std.real(time=std.now()) + " " + str.split(var.get("former"), 2, " "));
        }
    }
}

# ---- Compare an answer with the marks --------------------------------------------------------------------------------

# Note the last purges, and the time, when an attempt at a fetch begins.
sub takedown_fence_note {
    var.set("code group", regsub(var.get("code"), "^.*(.)$", "\1"));
    call takedown_fence_read_purges;
    var.set("purges noted", var.get("purges"));
    var.set("hands noted", var.get("hands"));
    var.set_real("fetch began", std.real(time=now));
}

# Read the last purges of the code's group and of all, and the last ones by hand.
sub takedown_fence_read_purges {
    var.set("purges", var.global_get("purge all") + "," + var.global_get("purge " + var.get("code group")));
    var.set("hands", var.global_get("hand all") + "," + var.global_get("hand " + var.get("code group")));
}

# Refuse an answer that is older than a purge.
sub takedown_fence_check {
    var.set("refused", "");
    var.set("young", "yes");
    if (var.get("seen") ~ "^[0-9]{1,15}$") {
        call takedown_fence_compare_numbers;
        # Read after the numbers: if a flush came in between and made them void, "hand all" has changed.
        call takedown_fence_read_purges;
        call takedown_fence_compare_hands;
    } else {
        call takedown_fence_read_purges;
        call takedown_fence_compare_purges;
    }
    if (var.get("refused") != "") {
        call takedown_fence_refuse;
    }
}

# Compare the last batch that the lookup has seen with the marks of code, owner, digest and all.
sub takedown_fence_compare_numbers {
    # Read before the marks: a mark from after another flush then does not count, and "hand all" has changed.
    var.set("flush", std.integer(var.global_get("flush"), 0));
    var.set("mark", var.global_get("mark " + var.get("code group")));
    call takedown_fence_compare_number;
    var.set("mark", var.global_get("owner " + regsub(var.get("owner"), "^.*(.)$", "\1")));
    call takedown_fence_compare_number;
    # A code without an original, and unknown content, have no such mark.
    var.set("mark", var.global_get("digest " + regsub(var.get("digest"), "^(?:.{63}(.)|.*)$", "\1")));
    call takedown_fence_compare_number;
    var.set("mark", var.global_get("mark all"));
    call takedown_fence_compare_number;
    if (var.get("refused") != "") {
        var.global_set("stale", std.integer(var.global_get("stale"), 0) + 1);
    }
}

# Refuse an answer that has not seen the batch of a mark. The age of the unseen purges is that of the mark, not of the
# fetch: a replica that lags may be older than the fetch.
sub takedown_fence_compare_number {
    if (std.integer(str.split(var.get("mark"), 1, " "), 0) == std.integer(var.get("flush"), 0) &&
        std.integer(str.split(var.get("mark"), 2, " "), 0) > std.integer(var.get("seen"), 0)) {
        var.set("refused", "the origin's lookup saw the database up to batch " + var.get("seen") +
            ", and batch " + str.split(var.get("mark"), 2, " ") + " has purged its group");
        var.set_real("age", std.real(time=std.now()) - std.real(str.split(var.get("mark"), 3, " "), 0.0));
        if (std.integer(str.split(var.get("mark"), 4, " "), 0) > std.integer(var.get("seen"), 0) ||
            var.get_real("age") < 0.0 || var.get_real("age") > 0.5) {
            var.set("young", "no");
        }
    }
}

sub takedown_fence_compare_hands {
    if (var.get("hands") != var.get("hands noted")) {
        var.set("refused", "its group was purged by hand since the fetch began");
        call takedown_fence_age;
    }
}

sub takedown_fence_compare_purges {
    if (var.get("purges") != var.get("purges noted")) {
        var.set("refused", "its group was purged since the fetch began");
        call takedown_fence_age;
    }
}

sub takedown_fence_age {
    var.set_real("age", std.real(time=now) - var.get_real("fetch began"));
    if (var.get_real("age") < 0.0 || var.get_real("age") > 0.5) {
        var.set("young", "no");
    }
}

# Fetch again. The last attempt ends with 503, unless the purges that the answer lacks are young.
sub takedown_fence_refuse {
    std.log("takedown: refused " + bereq.url + ": " + var.get("refused"));
    # As many as the parameter max_retries allows.
    if (bereq.retries < 4) {
        return (retry);
    }
    # A background fetch has no client who waits: the stale object stays.
    if (bereq.is_bgfetch) {
        return (abandon);
    }
    if (var.get("young") == "no") {
        return (error(503));
    }
    # Only this client gets the answer.
    call takedown_lifetime_uncacheable;
}
