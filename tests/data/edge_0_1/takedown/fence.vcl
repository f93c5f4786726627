# The fence against the stale fill: a fetch that was in flight while its image was purged brings what the purge was to
# remove, and Varnish purges only what it already holds. Each purge therefore first sets a mark to its own xid; a fetch
# notes the marks before it asks, and asks again when they have changed by the time the answer is here.
#
# There is a mark for each last character that a code may have, and one for purges that reach further. With a single
# mark a steady stream of purges would make every fetch of every other image try again.

sub takedown_mark_code {
    var.global_set("mark " + regsub(var.get("code"), "^.*(.)$", "\1"), req.xid);
}

sub takedown_mark_all {
    var.global_set("mark all", req.xid);
}

sub takedown_read_marks {
    var.set("marks", var.global_get("mark all") + " " +
        var.global_get("mark " + regsub(var.get("code"), "^.*(.)$", "\1")));
}

sub takedown_note_fence {
    call takedown_read_marks;
    var.set("marks noted", var.get("marks"));
    var.set_real("fetch began", std.real(time=now));
}

sub takedown_fence {
    call takedown_read_marks;
    if (var.get("marks") != var.get("marks noted")) {
        # The parameter max_retries is 4.
        if (bereq.retries < 4) {
            return (retry);
        }
        # The last attempt: what is this young may be shown to the one who asked, and is not kept.
        if (bereq.is_bgfetch) {
            return (abandon);
        }
        if (std.real(time=now) - var.get_real("fetch began") > 0.5) {
            return (error(503));
        }
        call takedown_uncacheable;
    }
}
