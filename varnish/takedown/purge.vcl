# PURGE /images/<code> removes the image in all its renditions.

sub takedown_purge_request {
    if (req.method == "PURGE") {
        if (req.url !~ "^/images/[A-Za-z0-9_-]{1,64}$") {
            return (synth(400, "Bad Request: PURGE wants /images/<code>, and removes all renditions of it"));
        }
        var.set("code", str.split(req.url, 2, "/"));
        # The mark comes first: a fetch that sees the old one is then already in the cache, or not yet asked for.
        call takedown_marks_code;
        # Fetches in flight are the fence's business, and a purge does not wait for them.
        set req.hash_ignore_busy = true;
        return (hash);
    }
}

# In vcl_hit as in vcl_miss, since either is where the lookup of a code may end.
sub takedown_purge_object {
    if (req.method == "PURGE") {
        var.set_int("removed", purge.hard());
        call takedown_position_move;
        return (synth(200, "Purged " + var.get("code") + ": " + var.get_int("removed") + " removed"));
    }
}
