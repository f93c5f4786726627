# Make the code alone the cache key, and the renditions variants of it.
# So one PURGE removes all of them, with whatever Host, query string or cookie clients asked for them.

sub takedown_key_hash {
    # takedown_route_image or takedown_purge_request has checked the URL.
    hash_data(str.split(req.url, 2, "/?"));
}

# Store the header that bans test: Takedown-Image: <code>/<owner>, the owner as the origin sent it. Every image has it,
# since a ban matches no object without it. It is one header, since every hit pays for each header that is stored, and
# removed from the answer. Replace the origin's Vary, which could split the key again; lifetime.vcl has read it.
sub takedown_key_name_object {
    set beresp.http.Takedown-Image = var.get("code") + "/" + beresp.http.Takedown-Owner;
    # For the fence.
    var.set("owner", beresp.http.Takedown-Owner);
    unset beresp.http.Takedown-Owner;
    set beresp.http.Vary = "Takedown-Rendition";
}
