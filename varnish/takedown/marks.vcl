# Set the marks of a purge before it removes any object: variables with its time and its batch, for its group.
# The fence (fence.vcl) compares each answer with them.
#
# There is a mark for each last character of a code, one for each of an owner's key, one for each of a digest, and one
# for purges that reach further: these are the groups. With a single mark, a steady stream of purges would make the edge
# repeat every fetch of every other image. Each mark is a global of its own, so that two purges at the same time cannot
# undo each other's.
#
#   mark <c>, owner <c>, digest <c>, mark all      "<xid> <flush> <number> <since> <base>"
#   hand <c>, hand owners, hand digests, hand all  "<xid>" of the last purge without a number
#   flush                                          "<xid>" of the last flush
#
# <xid> is that of the last purge of the group. <number> is the largest batch that purged it, and counts only while
# <flush> is the last flush: the database may go on at a smaller number after a flush. The batches after <base> have
# purged the group since the time <since>, which is at most half a second before the last of them.

# Mark the group of a code, or of a list of codes with the same last character.
sub takedown_marks_code {
    var.set("group", regsub(var.get("code"), "^.*(.)$", "\1"));
    var.set("mark", "mark " + var.get("group"));
    var.set("hand", "hand " + var.get("group"));
    call takedown_marks_set;
}

# Mark the group of an owner, or of a list of owners with the same last character. All owners share one hand mark: only
# the answer names the owner, and each fetch pays for each mark that it has to note.
sub takedown_marks_owner {
    var.set("mark", "owner " + regsub(var.get("owner"), "^.*(.)$", "\1"));
    var.set("hand", "hand owners");
    call takedown_marks_set;
}

# Mark the group of a digest, or of a list of digests with the same last character. As with owners, only the answer
# names the digest.
sub takedown_marks_digest {
    var.set("mark", "digest " + regsub(var.get("digest"), "^.*(.)$", "\1"));
    var.set("hand", "hand digests");
    call takedown_marks_set;
}

# Mark all images, for a purge that reaches further than one group.
sub takedown_marks_all {
    var.set("mark", "mark all");
    var.set("hand", "hand all");
    call takedown_marks_set;
}

# Mark a flush. An answer from before it may have seen larger numbers of a database that went back, and the age of the
# purges that a flush stands for is unknown. In this order, a fetch that finds the new flush also finds the new hand
# mark, and is repeated.
sub takedown_marks_flush {
    call takedown_position_number;
    var.global_set("hand all", req.xid);
    var.global_set("flush", req.xid);
    var.global_set("mark all", req.xid + " " + req.xid + " " + var.get("number") + " 0 " + var.get("number"));
}

# Set the mark "mark", and the hand mark "hand" if the purge has no number. Two purges of one group at the same instant
# may leave the smaller number, which their rebounds correct.
sub takedown_marks_set {
    # The flush is read before the position: a number that a flush at this instant makes void then does not count after
    # it.
    var.set("flush", std.integer(var.global_get("flush"), 0));
    call takedown_position_number;
    if (var.get("number") == "") {
        var.global_set(var.get("hand"), req.xid);
    }
    var.set("former", var.global_get(var.get("mark")));
    if (!str.split(var.get("former"), 5, " ") || str.split(var.get("former"), 2, " ") != var.get("flush")) {
        var.set("former", "0 " + var.get("flush") + " 0 0 0");
    }
    call takedown_marks_number;
    var.global_set(var.get("mark"), req.xid + " " + regsub(var.get("former"), "^[^ ]+ ", ""));
}

# Raise the number of the mark. A number that is not larger, such as that of a rebound, changes nothing, also not
# <since>.
sub takedown_marks_number {
    if (std.integer(var.get("number"), 0) > std.integer(str.split(var.get("former"), 3, " "), 0)) {
        var.set_real("age", std.real(time=std.now()) - std.real(str.split(var.get("former"), 4, " "), 0.0));
        if (var.get_real("age") >= 0.0 && var.get_real("age") <= 0.5) {
            var.set("former", regsub(var.get("former"), "^([^ ]+ [^ ]+) [^ ]+", "\1 " + var.get("number")));
        } else {
            var.set("former", "0 " + var.get("flush") + " " + var.get("number") + " " +
                std.real(time=std.now()) + " " + str.split(var.get("former"), 3, " "));
        }
    }
}
