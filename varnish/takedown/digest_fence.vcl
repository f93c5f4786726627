# Find purges of the answer's content since its fetch began: the fence for digests.
# It counts in the cases where the answer's Takedown-Seen proves nothing (fence.vcl). An answer of unknown content
# (key.vcl) is compared with none: its origin knows no bans by content.

# Note the xid in the mark of each group of digests, since only the answer names the digest. An absent mark is noted as
# an empty one.
sub takedown_digest_fence_note {
    var.set("digests noted", ";0=" + str.split(var.global_get("digest 0"), 1, " ") +
        ";1=" + str.split(var.global_get("digest 1"), 1, " ") +
        ";2=" + str.split(var.global_get("digest 2"), 1, " ") +
        ";3=" + str.split(var.global_get("digest 3"), 1, " ") +
        ";4=" + str.split(var.global_get("digest 4"), 1, " ") +
        ";5=" + str.split(var.global_get("digest 5"), 1, " ") +
        ";6=" + str.split(var.global_get("digest 6"), 1, " ") +
        ";7=" + str.split(var.global_get("digest 7"), 1, " ") +
        ";8=" + str.split(var.global_get("digest 8"), 1, " ") +
        ";9=" + str.split(var.global_get("digest 9"), 1, " ") +
        ";a=" + str.split(var.global_get("digest a"), 1, " ") +
        ";b=" + str.split(var.global_get("digest b"), 1, " ") +
        ";c=" + str.split(var.global_get("digest c"), 1, " ") +
        ";d=" + str.split(var.global_get("digest d"), 1, " ") +
        ";e=" + str.split(var.global_get("digest e"), 1, " ") +
        ";f=" + str.split(var.global_get("digest f"), 1, " ") +
        ";");
}

# Compare the mark of the answer's digest with the noted one.
sub takedown_digest_fence_compare {
    if (var.get("digests group") != "" && !std.strstr(var.get("digests noted"),
        ";" + var.get("digests group") + "=" + str.split(var.get("mark of digest"), 1, " ") + ";")) {
        var.set("refused", "a digest with the same last character was purged since the fetch began");
        call takedown_fence_age;
    }
}
