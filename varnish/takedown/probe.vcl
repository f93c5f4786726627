# Prove to a probe of the purger which instance it has reached, and tell nobody else.
#
# The public URL that the purger has for an edge may lead to another edge, or to a cache before this one. So a probe
# sends Takedown-Probe: <nonce>-<hash 1>-<hash 2>, and believes an answer only with Takedown-Probe: <hash 3>-<hash 4>.
# Hash n is part of the SHA-256 of "<token> <instance> <nonce> <n>". Only the purger, which asks the purge listener for
# the instance, and this instance can compute them; the nonce is new for each request, so no stored answer fits.

# The shard director is used for its hash function. It has no backends.
sub takedown_probe_start {
    new takedown_probe_shard = directors.shard();
}

# Every hit pays for this comparison, and only a probe for more.
sub takedown_probe_answer {
    if (req.http.Takedown-Probe) {
        call takedown_probe_tokens;
    }
}

# Try each token of the file, of which there are at most two. Without a second one there is no text to hash.
sub takedown_probe_tokens {
    if (req.http.Takedown-Probe ~ "^[0-9a-f]{32}-[0-9]{1,10}-[0-9]{1,10}$") {
        call takedown_settings;
        var.set("tokens", var.global_get("tokens " + var.get("token file")));
        var.set("probe token", str.split(var.get("tokens"), 1, " "));
        call takedown_probe_prove;
        var.set("probe token", str.split(var.get("tokens"), 2, " "));
        call takedown_probe_prove;
    }
}

sub takedown_probe_prove {
    var.set("nonce", str.split(req.http.Takedown-Probe, 1, "-"));
    var.set("probe", var.get("probe token") + " " + var.global_get("instance") + " " + var.get("nonce") + " ");
    if (var.get("probe token") != "" && req.http.Takedown-Probe == var.get("nonce") + "-" +
        takedown_probe_shard.key(var.get("probe") + "1") + "-" + takedown_probe_shard.key(var.get("probe") + "2")) {
        set resp.http.Takedown-Probe = takedown_probe_shard.key(var.get("probe") + "3") + "-" +
            takedown_probe_shard.key(var.get("probe") + "4");
    }
}

# Send the question no further: an edge whose origin is another edge would pass on that one's answer as its own.
sub takedown_probe_hide {
    unset bereq.http.Takedown-Probe;
}
