# How long an answer is kept: as CDN-Cache-Control says (RFC 9213), and not at all where it says nothing. What
# Cache-Control says is for browsers.

sub takedown_lifetime {
    # A body that is not streamed enters the cache only when it is whole, long after the fence has looked.
    set beresp.do_stream = true;
    set beresp.keep = 0s;
    # Without its length a body that was cut short is taken for whole.
    if (beresp.http.Content-Length && beresp.http.CDN-Cache-Control !~ "(?i)no-store|no-cache|private" &&
        (beresp.status == 200 || beresp.status == 404 || beresp.status == 410 || beresp.status == 451)) {
        set beresp.ttl = std.duration(
            regsub(beresp.http.CDN-Cache-Control, "(?i)^(?:.*,)?\s*max-age=([0-9]{1,9})\s*(?:,.*)?$", "\1") + "s", 0s);
    } else {
        set beresp.ttl = 0s;
    }
    unset beresp.http.CDN-Cache-Control;
    # A stale image may be shown while the origin is sick, for as long again as it was fresh.
    set beresp.grace = beresp.ttl;
    if (beresp.ttl <= 0s) {
        call takedown_uncacheable;
    }
}

# Hit-for-miss, so that those who wait for this answer fetch side by side and not one after the other; the next answer
# that can be kept replaces it. Never pass: a PURGE would then go to the origin.
sub takedown_uncacheable {
    set beresp.uncacheable = true;
    set beresp.ttl = 1s;
    set beresp.grace = 0s;
    set beresp.keep = 0s;
}
