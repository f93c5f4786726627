# Find purges of the answer's owner since its fetch began: the fence for owners.
# It counts in the cases where the answer's Takedown-Seen proves nothing (fence.vcl).

# Note the xid in the mark of each group of owners, since only the answer names the owner. An absent mark is noted as
# an empty one.
sub takedown_owner_fence_note {
    var.set("owners noted", ";A=" + str.split(var.global_get("owner A"), 1, " ") +
        ";B=" + str.split(var.global_get("owner B"), 1, " ") +
        ";C=" + str.split(var.global_get("owner C"), 1, " ") +
        ";D=" + str.split(var.global_get("owner D"), 1, " ") +
        ";E=" + str.split(var.global_get("owner E"), 1, " ") +
        ";F=" + str.split(var.global_get("owner F"), 1, " ") +
        ";G=" + str.split(var.global_get("owner G"), 1, " ") +
        ";H=" + str.split(var.global_get("owner H"), 1, " ") +
        ";I=" + str.split(var.global_get("owner I"), 1, " ") +
        ";J=" + str.split(var.global_get("owner J"), 1, " ") +
        ";K=" + str.split(var.global_get("owner K"), 1, " ") +
        ";L=" + str.split(var.global_get("owner L"), 1, " ") +
        ";M=" + str.split(var.global_get("owner M"), 1, " ") +
        ";N=" + str.split(var.global_get("owner N"), 1, " ") +
        ";O=" + str.split(var.global_get("owner O"), 1, " ") +
        ";P=" + str.split(var.global_get("owner P"), 1, " ") +
        ";Q=" + str.split(var.global_get("owner Q"), 1, " ") +
        ";R=" + str.split(var.global_get("owner R"), 1, " ") +
        ";S=" + str.split(var.global_get("owner S"), 1, " ") +
        ";T=" + str.split(var.global_get("owner T"), 1, " ") +
        ";U=" + str.split(var.global_get("owner U"), 1, " ") +
        ";V=" + str.split(var.global_get("owner V"), 1, " ") +
        ";W=" + str.split(var.global_get("owner W"), 1, " ") +
        ";X=" + str.split(var.global_get("owner X"), 1, " ") +
        ";Y=" + str.split(var.global_get("owner Y"), 1, " ") +
        ";Z=" + str.split(var.global_get("owner Z"), 1, " ") +
        ";a=" + str.split(var.global_get("owner a"), 1, " ") +
        ";b=" + str.split(var.global_get("owner b"), 1, " ") +
        ";c=" + str.split(var.global_get("owner c"), 1, " ") +
        ";d=" + str.split(var.global_get("owner d"), 1, " ") +
        ";e=" + str.split(var.global_get("owner e"), 1, " ") +
        ";f=" + str.split(var.global_get("owner f"), 1, " ") +
        ";g=" + str.split(var.global_get("owner g"), 1, " ") +
        ";h=" + str.split(var.global_get("owner h"), 1, " ") +
        ";i=" + str.split(var.global_get("owner i"), 1, " ") +
        ";j=" + str.split(var.global_get("owner j"), 1, " ") +
        ";k=" + str.split(var.global_get("owner k"), 1, " ") +
        ";l=" + str.split(var.global_get("owner l"), 1, " ") +
        ";m=" + str.split(var.global_get("owner m"), 1, " ") +
        ";n=" + str.split(var.global_get("owner n"), 1, " ") +
        ";o=" + str.split(var.global_get("owner o"), 1, " ") +
        ";p=" + str.split(var.global_get("owner p"), 1, " ") +
        ";q=" + str.split(var.global_get("owner q"), 1, " ") +
        ";r=" + str.split(var.global_get("owner r"), 1, " ") +
        ";s=" + str.split(var.global_get("owner s"), 1, " ") +
        ";t=" + str.split(var.global_get("owner t"), 1, " ") +
        ";u=" + str.split(var.global_get("owner u"), 1, " ") +
        ";v=" + str.split(var.global_get("owner v"), 1, " ") +
        ";w=" + str.split(var.global_get("owner w"), 1, " ") +
        ";x=" + str.split(var.global_get("owner x"), 1, " ") +
        ";y=" + str.split(var.global_get("owner y"), 1, " ") +
        ";z=" + str.split(var.global_get("owner z"), 1, " ") +
        ";0=" + str.split(var.global_get("owner 0"), 1, " ") +
        ";1=" + str.split(var.global_get("owner 1"), 1, " ") +
        ";2=" + str.split(var.global_get("owner 2"), 1, " ") +
        ";3=" + str.split(var.global_get("owner 3"), 1, " ") +
        ";4=" + str.split(var.global_get("owner 4"), 1, " ") +
        ";5=" + str.split(var.global_get("owner 5"), 1, " ") +
        ";6=" + str.split(var.global_get("owner 6"), 1, " ") +
        ";7=" + str.split(var.global_get("owner 7"), 1, " ") +
        ";8=" + str.split(var.global_get("owner 8"), 1, " ") +
        ";9=" + str.split(var.global_get("owner 9"), 1, " ") +
        ";_=" + str.split(var.global_get("owner _"), 1, " ") +
        ";-=" + str.split(var.global_get("owner -"), 1, " ") +
        ";");
}

# Compare the mark of the answer's owner with the noted one. A key with another last character cannot be banned.
sub takedown_owner_fence_compare {
    if (var.get("owner") ~ "[A-Za-z0-9_-]$" && !std.strstr(var.get("owners noted"),
        ";" + var.get("owners group") + "=" + str.split(var.get("mark of owner"), 1, " ") + ";")) {
        var.set("refused", "an owner with the same last character was purged since the fetch began");
        call takedown_fence_age;
    }
}
