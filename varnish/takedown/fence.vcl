# Keep each answer out of the cache that is older than a purge of its image: the fence.
#
# Varnish purges only objects that it already holds. A fetch that was in flight during the purge, or that the origin
# answered from a replica that lags, would insert the version that the purge was to remove. So each purge first sets
# marks, and each answer is compared with them. These marks are globals:
#
#   mark <group>             "<flush> <number> <since> <base>"
#   purge, purge <group>     "<xid>" of the last purge, of all and of the group
#   hand, hand <group>       "<xid>" of the last purge by hand: one without a batch number
#   flush                    "<xid>" of the last flush
#
# The group of a tag is its scope and its last character, such as i:x. A purge of tags of one group marks this group, any
# other one the group "all". With a single mark, a steady stream of purges would make the edge repeat every fetch of
# every other image. Each mark is a global of its own, so that two purges at the same time cannot undo each other's.
#
# <number> is the largest batch that purged the group. It counts only while <flush> is the last flush, since the
# database may go on at a smaller number after a flush. The batches after <base> have purged the group since the time
# <since>, which is at most half a second before the last of them.
#
# The origin's lookup for an answer with Takedown-Seen: S has seen every batch up to S. The fence accepts the answer if
# no batch above S has purged a group of its tags, whenever the fetch began, and if no purge by hand has come since it
# began. It accepts an answer without Takedown-Seen if no purge at all has come since the fetch began. It refuses any
# other answer, and the edge fetches again.
#
# The first attempt notes the last of all purges, since two globals are cheap to read, and neither purges by hand nor
# origins without Takedown-Seen are the rule. A repeated one notes the last purges of its groups only, so that purges of
# other images repeat a fetch once at most.

# ---- Set the marks of a purge, before it removes any object ----------------------------------------------------------

# Mark the group of the variable "tags". The purger sends tags of one group together.
sub takedown_fence_mark_tags {
    var.set("group", "all");
    if (var.get("tags") ~ "^(..)[^,]*([^,])(?:,\1[^,]*\2)*+$") {
        var.set("group", regsub(var.get("tags"), "^(..).*(.)$", "\1\2"));
    }
    call takedown_fence_mark;
}

# Mark all images.
sub takedown_fence_mark_all {
    var.set("group", "all");
    call takedown_fence_mark;
}

# Mark a flush. An answer from before it may have seen larger numbers, of a database that has gone back since, and
# nobody knows how old the purges are that a flush replaces. The hand marks are set before the flush, so that a fetch
# that finds the new flush also finds the new hand marks, and is repeated.
sub takedown_fence_mark_flush {
    call takedown_position_number;
    var.global_set("purge", req.xid);
    var.global_set("purge all", req.xid);
    var.global_set("hand", req.xid);
    var.global_set("hand all", req.xid);
    var.global_set("flush", req.xid);
    var.global_set("mark all", req.xid + " " + var.get("number") + " 0 " + var.get("number"));
}

# Note the purge, and set the mark's number, or the hand marks of a purge without a number.
sub takedown_fence_mark {
    var.global_set("purge " + var.get("group"), req.xid);
    var.global_set("purge", req.xid);
    # The flush is read before the position: if a flush at this instant makes the number void, the mark has the flush of
    # before, and does not count.
    var.set("flush", std.integer(var.global_get("flush"), 0));
    call takedown_position_number;
    if (var.get("number") == "") {
        var.global_set("hand " + var.get("group"), req.xid);
        var.global_set("hand", req.xid);
    } else {
        call takedown_fence_mark_number;
    }
}

# Raise the number of the mark. A number that is not larger, such as that of a rebound, changes nothing, not even
# <since>. Two purges of one group at the same instant may leave the smaller number; their rebounds correct it.
sub takedown_fence_mark_number {
    var.set("former", var.global_get("mark " + var.get("group")));
    if (!str.split(var.get("former"), 4, " ") || str.split(var.get("former"), 1, " ") != var.get("flush")) {
        var.set("former", var.get("flush") + " 0 0 0");
    }
    if (std.integer(var.get("number"), 0) > std.integer(str.split(var.get("former"), 2, " "), 0)) {
        var.set_real("age", std.real(time=std.now()) - std.real(str.split(var.get("former"), 3, " "), 0.0));
        if (var.get_real("age") >= 0.0 && var.get_real("age") <= 0.5) {
            var.global_set("mark " + var.get("group"),
                regsub(var.get("former"), "^([^ ]+) [^ ]+", "\1 " + var.get("number")));
        } else {
            var.global_set("mark " + var.get("group"), var.get("flush") + " " + var.get("number") + " " +
                std.real(time=std.now()) + " " + str.split(var.get("former"), 2, " "));
        }
    }
}

# ---- Compare an answer with the marks --------------------------------------------------------------------------------

# Note the last purges, and the time, when an attempt at a fetch begins: on the site's way before the origin is asked,
# since the verdict may be older than a purge that comes while the bytes do.
sub takedown_fence_note {
    if (var.get("leg") != "bytes") {
        call takedown_fence_read_purges;
        var.set("purges noted", var.get("purges"));
        var.set("hands noted", var.get("hands"));
        var.set_real("fetch began", std.real(time=now));
    }
}

# Read the last purges, and the last ones by hand. A repeated attempt notes those of the groups of the answer before. If
# the new one is of another owner who was purged meanwhile, that xid is new, and the texts differ.
sub takedown_fence_read_purges {
    if (var.get_int("refusals") == 0) {
        var.set("purges", var.global_get("purge"));
        var.set("hands", var.global_get("hand"));
    } else {
        var.set("purges", var.global_get("purge all") +
            "," + var.global_get("purge " + var.get("code group")) +
            "," + var.global_get("purge " + var.get("owner group")) +
            "," + var.global_get("purge " + var.get("digest group")));
        var.set("hands", var.global_get("hand all") +
            "," + var.global_get("hand " + var.get("code group")) +
            "," + var.global_get("hand " + var.get("owner group")) +
            "," + var.global_get("hand " + var.get("digest group")));
    }
}

# Refuse an answer that is older than a purge.
sub takedown_fence_check {
    var.set("refused", "");
    var.set("young", "yes");
    call takedown_fence_find_groups;
    if (var.get("verdict") == "no image") {
        # No purge can remove what no rule reads.
        return;
    }
    if (var.get("seen") ~ "^[0-9]{1,15}$") {
        call takedown_fence_compare_numbers;
        # Read after the numbers: if a flush came in between and made them void, the hand marks have changed.
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

# Set the variables with the groups of the answer's tags. No purge names the group of a tag that it does not have.
sub takedown_fence_find_groups {
    var.set("code group", "i:" + regsub(var.get("code"), "^.*(.)$", "\1"));
    var.set("owner group", regsub(var.get("owner"), "^(..).*(.)$", "\1\2"));
    var.set("digest group", regsub(var.get("digest"), "^(..).*(.)$", "\1\2"));
}

# Compare the last batch that the lookup has seen with the marks of the answer's groups and of all.
sub takedown_fence_compare_numbers {
    # Read before the marks: a mark from after another flush then does not count, and "hand" has changed.
    var.set("flush", std.integer(var.global_get("flush"), 0));
    var.set("mark", var.global_get("mark all"));
    call takedown_fence_compare_number;
    var.set("mark", var.global_get("mark " + var.get("code group")));
    call takedown_fence_compare_number;
    var.set("mark", var.global_get("mark " + var.get("owner group")));
    call takedown_fence_compare_number;
    var.set("mark", var.global_get("mark " + var.get("digest group")));
    call takedown_fence_compare_number;
    if (var.get("refused") != "") {
        var.global_set("stale", std.integer(var.global_get("stale"), 0) + 1);
    }
}

# Refuse an answer that has not seen the batch of a mark. The age of the unseen purges is that of the mark, not of the
# fetch: a replica that lags may be older than the fetch.
sub takedown_fence_compare_number {
    if (std.integer(str.split(var.get("mark"), 2, " "), 0) > std.integer(var.get("seen"), 0) &&
        str.split(var.get("mark"), 1, " ") == var.get("flush")) {
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
        var.set("refused", "an image was purged by hand since the fetch began");
        call takedown_fence_age;
    }
}

sub takedown_fence_compare_purges {
    if (var.get("purges") != var.get("purges noted")) {
        var.set("refused", "an image was purged since the fetch began");
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
    var.set_int("refusals", var.get_int("refusals") + 1);
    # The parameter max_retries (9) has room for five tries of two legs each.
    if (var.get_int("refusals") < 5 && bereq.retries < 8) {
        call takedown_legs_begin_again;
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
