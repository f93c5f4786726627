# The marks that each purge sets before it removes anything, and that the fence (fence.vcl) holds fetches against.
#
# There is a mark for each last character that a code may have, one for each that an owner's key may have, and one for
# purges that reach further. With a single mark a steady stream of purges would make every fetch of every other image
# try again. Each mark is a global of its own, so that two purges at the same time cannot undo each other's.
#
#   mark <c>, owner <c>, mark all    "<xid> <flush> <number> <since> <base>"
#   hand <c>, hand owners, hand all  "<xid>" of the last purge without a number
#   flush                            "<xid>" of the last flush
#
# <xid> is that of the last purge. <number> is the largest batch that purged here, and counts only while <flush> is the
# last one: after it the database may have begun again at a smaller number. The batches after <base> purged here since
# the moment <since>, which is at most half a second before the last of them.

sub takedown_marks_code {
    var.set("group", regsub(var.get("code"), "^.*(.)$", "\1"));
    var.set("mark", "mark " + var.get("group"));
    var.set("hand", "hand " + var.get("group"));
    call takedown_marks_set;
}

# By hand it is one for all owners: whose image a fetch brings stands only in the answer, and each mark that every fetch
# has to note makes it dearer.
sub takedown_marks_owner {
    var.set("mark", "owner " + regsub(var.get("owner"), "^.*(.)$", "\1"));
    var.set("hand", "hand owners");
    call takedown_marks_set;
}

sub takedown_marks_all {
    var.set("mark", "mark all");
    var.set("hand", "hand all");
    call takedown_marks_set;
}

# An answer from the database of before may have seen larger numbers, and the age of the purges that a flush stands for
# is not known. In this order a fetch that finds the new flush also finds that it has to ask again.
sub takedown_marks_flush {
    call takedown_position_number;
    var.global_set("hand all", req.xid);
    var.global_set("flush", req.xid);
    var.global_set("mark all", req.xid + " " + req.xid + " " + var.get("number") + " 0 " + var.get("number"));
}

# Two purges of one group at the same instant may leave the smaller number; the second sending of each mends that.
sub takedown_marks_set {
    # The flush before the position: a number that a flush at this instant makes void does not count after it.
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

# A number that is not larger, as of a second sending, leaves all as it is: also since when it has been there.
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
