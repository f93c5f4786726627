# Make the image's code the cache key, and its renditions variants (Vary) under it.
# So one PURGE removes all of them, whatever Host, query string or cookie clients sent.

sub takedown_key_hash {
    # takedown_route_image or takedown_purge_image has checked the URL.
    hash_data(str.split(req.url, 2, "/?"));
}

# Store the header that bans test: Takedown-Image: <code>/<owner>/<digest>, or <code>/<owner> if the origin sent no
# digest. Every object of an image has it, since a ban matches no object without it. It is one header, since every hit
# pays for each stored header that it removes from the answer. Replace the origin's Vary, which could split the key
# again; lifetime.vcl has read it.
sub takedown_key_name_object {
    call takedown_key_owner;
    call takedown_key_digest;
    set beresp.http.Takedown-Image = var.get("code") + "/" + var.get("owner");
    if (var.get("digest") != "") {
        set beresp.http.Takedown-Image = beresp.http.Takedown-Image + "/" + var.get("digest");
    }
    unset beresp.http.Takedown-Owner;
    unset beresp.http.Takedown-Digest;
    set beresp.http.Vary = "Takedown-Rendition";
}

# Set the variable "owner" to the owner's key, or to "" if it has a slash: no ban can name such a key, and the part
# after the slash would pass for a digest.
sub takedown_key_owner {
    var.set("owner", beresp.http.Takedown-Owner);
    if (var.get("owner") ~ "/") {
        var.set("owner", "");
    }
}

# Set the variable "digest" to the SHA-256 of the image's original, or to "none" for a code without an original. If the
# origin sent no digest, or a malformed one such as two lines, it is "": the content is unknown, and every ban of a
# digest removes the object.
sub takedown_key_digest {
    std.collect(beresp.http.Takedown-Digest, ",");
    var.set("digest", "");
    if (beresp.http.Takedown-Digest ~ "^(?:[0-9a-f]{64}|none)$") {
        var.set("digest", beresp.http.Takedown-Digest);
    }
}
