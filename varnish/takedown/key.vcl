# Make the image's code the cache key, its renditions variants (Vary) under it, and give each object its tags. On the
# site's way the key is host and URL, which no code equals.

sub takedown_key_hash {
    if (req.hash_ignore_vary) {
        hash_data(req.http.Host);
        hash_data(req.url);
    } else {
        # takedown_route_image has checked the URL.
        hash_data(str.split(req.url, 2, "/?"));
    }
}

# Store the object's tags, which purges name: i:<code>, o:<owner> unless the origin sent none, and d:<digest>, the
# SHA-256 of the image's original. vmod xkey takes them from the header of its name as the object enters the cache.
# Replace the origin's Vary, which could split the key again; lifetime.vcl has read it.
sub takedown_key_tags {
    var.set("owner", "");
    if (beresp.http.Takedown-Owner ~ "^[A-Za-z0-9_-]{1,64}$") {
        var.set("owner", "o:" + beresp.http.Takedown-Owner);
    }
    call takedown_key_digest;
    set beresp.http.xkey = "i:" + var.get("code") + " " + var.get("owner") + " " + var.get("digest");
    unset beresp.http.Takedown-Owner;
    unset beresp.http.Takedown-Digest;
    set beresp.http.Vary = "Takedown-Rendition";
}

# A code without an original ("none") has no such tag. If the origin sent no digest, or a malformed one such as two
# lines, the content is unknown. The tag is then "d:" only, and goes with each purge of a digest (purge.vcl).
sub takedown_key_digest {
    std.collect(beresp.http.Takedown-Digest, ",");
    var.set("digest", "d:");
    if (beresp.http.Takedown-Digest ~ "^[0-9a-f]{64}$") {
        var.set("digest", "d:" + beresp.http.Takedown-Digest);
    } elseif (beresp.http.Takedown-Digest == "none") {
        var.set("digest", "");
    }
}
