# The fence against the stale fill: a fetch that was in flight while its image was purged brings what the purge was to
# remove, and Varnish purges only what it already holds. Each purge therefore first sets a mark to its own xid; a fetch
# notes the marks before it asks, and asks again when they have changed by the time the answer is here.
#
# There is a mark for each last character that a code may have, one for each that an owner's key may have, and one for
# purges that reach further. With a single mark a steady stream of purges would make every fetch of every other image
# try again. Each mark is a global of its own, so that two purges at the same time cannot undo each other's.

sub takedown_mark_code {
    var.global_set("mark " + regsub(var.get("code"), "^.*(.)$", "\1"), req.xid);
}

sub takedown_mark_owner {
    var.global_set("owner " + regsub(var.get("owner"), "^.*(.)$", "\1"), req.xid);
}

sub takedown_mark_all {
    var.global_set("mark all", req.xid);
}

sub takedown_read_marks {
    var.set("marks", var.global_get("mark all") + " " +
        var.global_get("mark " + regsub(var.get("code"), "^.*(.)$", "\1")));
}

# Notes the marks of all owners: whose image it is stands only in the answer. An absent mark is noted as an empty one.
sub takedown_note_owners {
    var.set("owners noted", ";A=" + var.global_get("owner A") + ";B=" + var.global_get("owner B") +
        ";C=" + var.global_get("owner C") + ";D=" + var.global_get("owner D") +
        ";E=" + var.global_get("owner E") + ";F=" + var.global_get("owner F") +
        ";G=" + var.global_get("owner G") + ";H=" + var.global_get("owner H") +
        ";I=" + var.global_get("owner I") + ";J=" + var.global_get("owner J") +
        ";K=" + var.global_get("owner K") + ";L=" + var.global_get("owner L") +
        ";M=" + var.global_get("owner M") + ";N=" + var.global_get("owner N") +
        ";O=" + var.global_get("owner O") + ";P=" + var.global_get("owner P") +
        ";Q=" + var.global_get("owner Q") + ";R=" + var.global_get("owner R") +
        ";S=" + var.global_get("owner S") + ";T=" + var.global_get("owner T") +
        ";U=" + var.global_get("owner U") + ";V=" + var.global_get("owner V") +
        ";W=" + var.global_get("owner W") + ";X=" + var.global_get("owner X") +
        ";Y=" + var.global_get("owner Y") + ";Z=" + var.global_get("owner Z") +
        ";a=" + var.global_get("owner a") + ";b=" + var.global_get("owner b") +
        ";c=" + var.global_get("owner c") + ";d=" + var.global_get("owner d") +
        ";e=" + var.global_get("owner e") + ";f=" + var.global_get("owner f") +
        ";g=" + var.global_get("owner g") + ";h=" + var.global_get("owner h") +
        ";i=" + var.global_get("owner i") + ";j=" + var.global_get("owner j") +
        ";k=" + var.global_get("owner k") + ";l=" + var.global_get("owner l") +
        ";m=" + var.global_get("owner m") + ";n=" + var.global_get("owner n") +
        ";o=" + var.global_get("owner o") + ";p=" + var.global_get("owner p") +
        ";q=" + var.global_get("owner q") + ";r=" + var.global_get("owner r") +
        ";s=" + var.global_get("owner s") + ";t=" + var.global_get("owner t") +
        ";u=" + var.global_get("owner u") + ";v=" + var.global_get("owner v") +
        ";w=" + var.global_get("owner w") + ";x=" + var.global_get("owner x") +
        ";y=" + var.global_get("owner y") + ";z=" + var.global_get("owner z") +
        ";0=" + var.global_get("owner 0") + ";1=" + var.global_get("owner 1") +
        ";2=" + var.global_get("owner 2") + ";3=" + var.global_get("owner 3") +
        ";4=" + var.global_get("owner 4") + ";5=" + var.global_get("owner 5") +
        ";6=" + var.global_get("owner 6") + ";7=" + var.global_get("owner 7") +
        ";8=" + var.global_get("owner 8") + ";9=" + var.global_get("owner 9") +
        ";_=" + var.global_get("owner _") + ";-=" + var.global_get("owner -") +
        ";");
}

# Called with the owner that the answer names. Keys outside the alphabet can never be banned.
sub takedown_compare_owner {
    var.set("owner moved", "no");
    if (var.get("owner") ~ "[A-Za-z0-9_-]$") {
        var.set("owner", regsub(var.get("owner"), "^.*(.)$", "\1"));
        if (!std.strstr(var.get("owners noted"),
            ";" + var.get("owner") + "=" + var.global_get("owner " + var.get("owner")) + ";")) {
            var.set("owner moved", "yes");
        }
    }
}

sub takedown_note_fence {
    call takedown_read_marks;
    call takedown_note_owners;
    var.set("marks noted", var.get("marks"));
    var.set_real("fetch began", std.real(time=now));
}

sub takedown_fence {
    call takedown_read_marks;
    call takedown_compare_owner;
    if (var.get("marks") != var.get("marks noted") || var.get("owner moved") == "yes") {
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
