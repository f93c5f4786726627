# Set the marks of a purge before it removes any object, for the fence (fence.vcl) to compare each answer with.
#
# There is a mark for each last character of a code, one for each of an owner's key, one for each of a digest, and one
# for purges that reach further: these are the groups. With a single mark, a steady stream of purges would make the edge
# repeat every fetch of every other image. Each mark is a global of its own, so that two purges at the same time cannot
# undo each other's.
#
#   mark <c>, owner <c>, digest <c>, mark all      "<flush> <number> <since> <base>"
#   purge <c>, purge all                           "<xid>" of the last purge
#   hand <c>, hand all                             "<xid>" of the last purge without a number
#   flush                                          "<xid>" of the last flush
#
# <number> is the largest batch that purged the group, and counts only while <flush> is the last flush: the database may
# go on at a smaller number after a flush. The batches after <base> have purged the group since the time <since>, which
# is at most half a second before the last of them.
#
# A fetch notes the xids of its code's group and of all. Purges of owners and of digests count there as purges of all: a
# fetch that noted each group of them would pay about 20 microseconds, where only the answer tells which one matters.
# What it costs is a second fetch of what is in flight, during a purge by hand; with an origin that sends no
# Takedown-Seen, during any purge of an owner or a digest.

# Mark the group of a code, or of a list of codes with the same last character.
sub takedown_marks_code {
    var.set("group", regsub(var.get("code"), "^.*(.)$", "\1"));
    var.set("mark name", "mark " + var.get("group"));
    call takedown_marks_set;
}

# Mark the group of an owner, or of a list of owners with the same last character.
sub takedown_marks_owner {
    var.set("group", "all");
    var.set("mark name", "owner " + regsub(var.get("owner"), "^.*(.)$", "\1"));
    call takedown_marks_set;
}

# Mark the group of a digest, or of a list of digests with the same last character.
sub takedown_marks_digest {
    var.set("group", "all");
    var.set("mark name", "digest " + regsub(var.get("digest"), "^.*(.)$", "\1"));
    call takedown_marks_set;
}

# Mark all images, for a purge that reaches further than one group.
sub takedown_marks_all {
    var.set("group", "all");
    var.set("mark name", "mark all");
    call takedown_marks_set;
}

# Mark a flush. An answer from before it may have seen larger numbers of a database that went back, and the age of the
# purges that a flush stands for is unknown. In this order, a fetch that finds the new flush also finds the new hand
# mark, and is repeated.
sub takedown_marks_flush {
    call takedown_position_number;
    var.global_set("purge all", req.xid);
    var.global_set("hand all", req.xid);
    var.global_set("flush", req.xid);
    var.global_set("mark all", req.xid + " " + var.get("number") + " 0 " + var.get("number"));
}

# Note the purge, and set the mark's number, or the hand mark of a purge without a number.
sub takedown_marks_set {
    var.global_set("purge " + var.get("group"), req.xid);
    # The flush is read before the position: a number that a flush at this instant makes void then does not count after
    # it.
    var.set("flush", std.integer(var.global_get("flush"), 0));
    call takedown_position_number;
    if (var.get("number") == "") {
        var.global_set("hand " + var.get("group"), req.xid);
    } else {
        call takedown_marks_number;
    }
}

# Raise the number of the mark. A number that is not larger, such as that of a rebound, changes nothing, also not
# <since>. Two purges of one group at the same instant may leave the smaller number, which their rebounds correct.
sub takedown_marks_number {
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
