# Keep each answer out of the cache that is older than a purge of its image: the fence.
#
# Varnish purges only objects that it already holds. A fetch that was in flight during the purge, or that the origin
# answered from a replica that lags, would insert the version that the purge was to remove. So each purge first sets a
# mark (marks.vcl), and each answer is compared with the marks of its code, its owner, its digest and all images.
#
# The origin's lookup for an answer with Takedown-Seen: S has seen every batch up to S. The fence accepts the answer if
# none of its marks has a number above S, whenever the fetch began, and if no purge by hand has marked its group since.
# It accepts an answer without Takedown-Seen if none of its marks has changed since the fetch began. It refuses any
# other answer: the edge fetches again.

# Note the marks and the time at which an attempt at a fetch begins.
sub takedown_fence_note {
    call takedown_fence_read_marks;
    call takedown_owner_fence_note;
    call takedown_digest_fence_note;
    var.set("marks noted", var.get("marks"));
    var.set("hands noted", var.get("hands"));
    var.set("hand of owners noted", var.get("hand of owners"));
    var.set("hand of digests noted", var.get("hand of digests"));
    var.set_real("fetch began", std.real(time=now));
}

# Read the marks of the code and of all. The flush is read first and the hands last: a fetch that reads the flush of
# before, but a mark of after it, then also finds that "hand all" has changed.
sub takedown_fence_read_marks {
    var.set("code group", regsub(var.get("code"), "^.*(.)$", "\1"));
    var.set("flush", std.integer(var.global_get("flush"), 0));
    var.set("mark of all", var.global_get("mark all"));
    var.set("mark of code", var.global_get("mark " + var.get("code group")));
    var.set("marks", var.get("mark of all") + "," + var.get("mark of code"));
    var.set("hands", var.global_get("hand all") + "," + var.global_get("hand " + var.get("code group")));
    var.set("hand of owners", var.global_get("hand owners"));
    var.set("hand of digests", var.global_get("hand digests"));
}

# Compare an answer with the marks, and refuse it if it is older than a purge.
sub takedown_fence_check {
    call takedown_fence_read_marks;
    var.set("owners group", regsub(var.get("owner"), "^.*(.)$", "\1"));
    var.set("mark of owner", var.global_get("owner " + var.get("owners group")));
    # Empty for a code without an original, and for unknown content.
    var.set("digests group", regsub(var.get("digest"), "^(?:.{63}(.)|.*)$", "\1"));
    var.set("mark of digest", var.global_get("digest " + var.get("digests group")));
    var.set("refused", "");
    var.set("young", "yes");
    if (var.get("seen") ~ "^[0-9]{1,15}$") {
        call takedown_fence_compare_numbers;
        call takedown_fence_compare_hands;
        if (var.get("hand of owners") != var.get("hand of owners noted")) {
            call takedown_owner_fence_compare;
        }
        if (var.get("hand of digests") != var.get("hand of digests noted")) {
            call takedown_digest_fence_compare;
        }
    } else {
        call takedown_fence_compare_marks;
        call takedown_owner_fence_compare;
        call takedown_digest_fence_compare;
    }
    if (var.get("refused") != "") {
        call takedown_fence_refuse;
    }
}

sub takedown_fence_compare_numbers {
    var.set("mark compared", var.get("mark of code"));
    call takedown_fence_compare_number;
    var.set("mark compared", var.get("mark of owner"));
    call takedown_fence_compare_number;
    var.set("mark compared", var.get("mark of digest"));
    call takedown_fence_compare_number;
    var.set("mark compared", var.get("mark of all"));
    call takedown_fence_compare_number;
    if (var.get("refused") != "") {
        var.global_set("stale", std.integer(var.global_get("stale"), 0) + 1);
    }
}

# Refuse an answer that has not seen the batch of a mark. The age of the unseen purges is that of the mark, not of the
# fetch: a replica that lags may be older than the fetch.
sub takedown_fence_compare_number {
    if (std.integer(str.split(var.get("mark compared"), 2, " "), 0) == std.integer(var.get("flush"), 0) &&
        std.integer(str.split(var.get("mark compared"), 3, " "), 0) > std.integer(var.get("seen"), 0)) {
        var.set("refused", "the origin's lookup saw the database up to batch " + var.get("seen") +
            ", and batch " + str.split(var.get("mark compared"), 3, " ") + " has purged its group");
        var.set_real("age", std.real(time=std.now()) - std.real(str.split(var.get("mark compared"), 4, " "), 0.0));
        if (std.integer(str.split(var.get("mark compared"), 5, " "), 0) > std.integer(var.get("seen"), 0) ||
            var.get_real("age") < 0.0 || var.get_real("age") > 0.5) {
            var.set("young", "no");
        }
    }
}

sub takedown_fence_compare_hands {
    if (var.get("hands") != var.get("hands noted")) {
        var.set("refused", "a code with the same last character was purged by hand since the fetch began");
        call takedown_fence_age;
    }
}

sub takedown_fence_compare_marks {
    if (var.get("marks") != var.get("marks noted")) {
        var.set("refused", "a code with the same last character was purged since the fetch began");
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
