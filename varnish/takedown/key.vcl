# The cache key is the code alone; renditions are variants of it. One PURGE therefore removes them all, whatever host,
# query string or cookie they were asked for with.

sub takedown_key_hash {
    # The URL is one that takedown_route_image or takedown_purge_request has found well-formed.
    hash_data(str.split(req.url, 2, "/?"));
}

# What bans test: the code and its owner, as the origin sent it, in the one header Takedown-Image: <code>/<owner>. It
# stands on every object, since a ban passes over those without. Each header that is stored, and taken out again of each
# answer, is paid for by every hit. The origin's own Vary, which could split the key again, goes; lifetime.vcl read it.
sub takedown_key_name_object {
    set beresp.http.Takedown-Image = var.get("code") + "/" + beresp.http.Takedown-Owner;
    # For the fence.
    var.set("owner", beresp.http.Takedown-Owner);
    unset beresp.http.Takedown-Owner;
    set beresp.http.Vary = "Takedown-Rendition";
}
