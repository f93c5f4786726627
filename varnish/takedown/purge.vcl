# Remove one image in all its renditions: PURGE /images/<code>.

sub takedown_purge_request {
    if (req.method == "PURGE") {
        if (req.url !~ "^/images/[A-Za-z0-9_-]{1,64}$") {
            return (synth(400, "Bad Request: PURGE wants /images/<code>, and removes all renditions of it"));
        }
        var.set("code", str.split(req.url, 2, "/"));
        # The mark is set before the lookup. An answer that the fence has compared with the old mark is then already in
        # the cache (the rebounds are for one whose thread stands still in between), and later ones are compared with
        # this mark.
        call takedown_marks_code;
        # A purge does not wait for fetches in flight: the fence handles them.
        set req.hash_ignore_busy = true;
        return (hash);
    }
}

# Remove all objects of the code that was looked up. Called by vcl_hit and vcl_miss: the lookup may end in either.
sub takedown_purge_object {
    if (req.method == "PURGE") {
        var.set_int("removed", purge.hard());
        call takedown_position_move;
        return (synth(200, "Purged " + var.get("code") + ": " + var.get_int("removed") + " removed"));
    }
}
