# Keep each answer out of the cache that is older than a purge of its image: the fence.
#
# Varnish purges only objects that it already holds. A fetch that was in flight during the purge, or that the origin
# answered from a replica that lags, would insert the version that the purge was to remove. So each purge first sets its
# marks (marks.vcl), and each answer is compared with them.
#
# The origin's lookup for an answer with Takedown-Seen: S has seen every batch up to S. The fence accepts the answer if
# no batch above S has purged its group, whenever the fetch began, and if no purge by hand has come since it began. It
# accepts an answer without Takedown-Seen if no purge at all has come since the fetch began. It refuses any other
# answer: the edge fetches again.

# Note the marks and the time at which an attempt at a fetch begins.
sub takedown_fence_note {
    var.set("code group", regsub(var.get("code"), "^.*(.)$", "\1"));
    call takedown_fence_read_purges;
    var.set("purges noted", var.get("purges"));
    var.set("hands noted", var.get("hands"));
    var.set_real("fetch began", std.real(time=now));
}

# Read which purge was the last of the code's group and of all, and which of those by hand. Only the answer tells owner
# and digest, so their purges count here as purges of all.
sub takedown_fence_read_purges {
    var.set("purges", var.global_get("purge all") + "," + var.global_get("purge " + var.get("code group")));
    var.set("hands", var.global_get("hand all") + "," + var.global_get("hand " + var.get("code group")));
}

# Compare an answer with the marks, and refuse it if it is older than a purge.
sub takedown_fence_check {
    var.set("refused", "");
    var.set("young", "yes");
    if (var.get("seen") ~ "^[0-9]{1,15}$") {
        call takedown_fence_compare_numbers;
        # Read last: if the flush of before was compared with a mark of after it, "hand all" shows the flush.
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

# Compare the batch that the lookup has seen with the marks of the code, the owner, the digest and all.
sub takedown_fence_compare_numbers {
    # Read before the marks, for the same reason.
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

# Fetch again, or end the last attempt with 503, unless the purges that the answer lacks are young.
sub takedown_fence_refuse {
    std.log("takedown: refused " + bereq.url + ": " + var.get("refused"));
    # As many as the parameter max_retries allows.
    if (bereq.retries < 4) {
        return (retry);
    }
    # The last attempt. An answer that lacks only young purges is delivered to this client, and not cached.
    if (bereq.is_bgfetch) {
        return (abandon);
    }
    if (var.get("young") == "no") {
        return (error(503));
    }
    call takedown_lifetime_uncacheable;
}
