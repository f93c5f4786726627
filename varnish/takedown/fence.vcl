# The fence against the stale fill: a fetch that was in flight while its image was purged, or that was answered from a
# copy of the database that lags, brings what the purge was to remove, and Varnish purges only what it already holds. So
# each purge first sets a mark (marks.vcl), and each answer is held against the marks of its code, its owner and all.
#
# An answer with Takedown-Seen: S has seen every batch up to S. It is taken when S is no less than the numbers of its
# marks, whenever it was asked for, and when nothing was purged by hand since. One without is taken when none of its
# marks has changed since it was asked for. Any other is fetched again.

sub takedown_fence_note {
    call takedown_fence_read_marks;
    call takedown_owner_marks_note;
    var.set("marks noted", var.get("marks"));
    var.set("hands noted", var.get("hands"));
    var.set("hand of owners noted", var.get("hand of owners"));
    var.set_real("fetch began", std.real(time=now));
}

# In this order: whoever reads the flush of before, but the marks of after it, finds that it was made.
sub takedown_fence_read_marks {
    var.set("code group", regsub(var.get("code"), "^.*(.)$", "\1"));
    var.set("flush", std.integer(var.global_get("flush"), 0));
    var.set("mark of all", var.global_get("mark all"));
    var.set("mark of code", var.global_get("mark " + var.get("code group")));
    var.set("marks", var.get("mark of all") + "," + var.get("mark of code"));
    var.set("hands", var.global_get("hand all") + "," + var.global_get("hand " + var.get("code group")));
    var.set("hand of owners", var.global_get("hand owners"));
}

sub takedown_fence_check {
    call takedown_fence_read_marks;
    var.set("owners group", regsub(var.get("owner"), "^.*(.)$", "\1"));
    var.set("mark of owner", var.global_get("owner " + var.get("owners group")));
    var.set("refused", "");
    var.set("young", "yes");
    if (var.get("seen") ~ "^[0-9]{1,15}$") {
        call takedown_fence_compare_numbers;
        call takedown_fence_compare_hands;
        if (var.get("hand of owners") != var.get("hand of owners noted")) {
            call takedown_owner_marks_compare;
        }
    } else {
        call takedown_fence_compare_marks;
        call takedown_owner_marks_compare;
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
    var.set("mark compared", var.get("mark of all"));
    call takedown_fence_compare_number;
    if (var.get("refused") != "") {
        var.global_set("stale", std.integer(var.global_get("stale"), 0) + 1);
    }
}

# The mark's own time says how old the unseen purges are: a copy that lags may be older than the fetch.
sub takedown_fence_compare_number {
    if (std.integer(str.split(var.get("mark compared"), 2, " "), 0) == std.integer(var.get("flush"), 0) &&
        std.integer(str.split(var.get("mark compared"), 3, " "), 0) > std.integer(var.get("seen"), 0)) {
        var.set("refused", "it has seen batch " + var.get("seen") + " of the database, and " +
            str.split(var.get("mark compared"), 3, " ") + " has purged here");
        var.set_real("age", std.real(time=std.now()) - std.real(str.split(var.get("mark compared"), 4, " "), 0.0));
        if (std.integer(str.split(var.get("mark compared"), 5, " "), 0) > std.integer(var.get("seen"), 0) ||
            var.get_real("age") < 0.0 || var.get_real("age") > 0.5) {
            var.set("young", "no");
        }
    }
}

sub takedown_fence_compare_hands {
    if (var.get("hands") != var.get("hands noted")) {
        var.set("refused", "codes that end as its own were purged by hand since it was asked for");
        call takedown_fence_age;
    }
}

sub takedown_fence_compare_marks {
    if (var.get("marks") != var.get("marks noted")) {
        var.set("refused", "codes that end as its own were purged since it was asked for");
        call takedown_fence_age;
    }
}

sub takedown_fence_age {
    var.set_real("age", std.real(time=now) - var.get_real("fetch began"));
    if (var.get_real("age") < 0.0 || var.get_real("age") > 0.5) {
        var.set("young", "no");
    }
}

sub takedown_fence_refuse {
    std.log("takedown: refused " + bereq.url + ": " + var.get("refused"));
    # The parameter max_retries is 4.
    if (bereq.retries < 4) {
        return (retry);
    }
    # The last attempt: what is this young may be shown to the one who asked, and is not kept.
    if (bereq.is_bgfetch) {
        return (abandon);
    }
    if (var.get("young") == "no") {
        return (error(503));
    }
    call takedown_lifetime_uncacheable;
}
