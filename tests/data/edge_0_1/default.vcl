# The edge of Edge Takedown: holds every image for a day, and lets it go at once when it is told to.
# docs/edge.md says how to run it. The behaviour stands in takedown/, one file each.
vcl 4.1;

import purge;
import std;
import str;
import var;

# ---- What a site edits -----------------------------------------------------------------------------------------------

backend origin {
    .host = "127.0.0.1";
    .port = "8000";
    # These bound what a fetch may take, and so the age of what it brings: keep their sum below the lease.
    .connect_timeout = 1s;
    .first_byte_timeout = 5s;
    .between_bytes_timeout = 5s;
    # A fetch holds two threads. Keep max_connections plus wait_limit well under half of the threads that varnishd may
    # have (thread_pools times thread_pool_max), so that a purge always finds one.
    .max_connections = 100;
    .wait_limit = 200;
    .wait_timeout = 1s;
}

sub takedown_settings {
    # The token that each purge carries. A new token wants a new file name (docs/edge.md, "Token").
    var.set("token", std.fileread("/etc/varnish/takedown.token"));

    # How long the cache is trusted after a moment for which the purger vouches. Longer shows images for longer when
    # purger or database are away, and hides a flagged one as much later on an edge that cannot be reached.
    var.set_duration("lease", 10s);

    # Past the lease a hit is at most this old.
    var.set_duration("fail-safe TTL", 2s);

    # "no" where nothing ever purges this edge: the cache is then always trusted, and a takedown takes a day.
    var.set("purger", "yes");
}

sub takedown_renditions {
    # Those that exist besides the original. Another name is 404 here, so that clients cannot make up variants.
    if (req.http.Takedown-Rendition !~ "^(?:thumb)$") {
        call takedown_not_found;
    }
}

# ---- How it works ----------------------------------------------------------------------------------------------------

include "./takedown/route.vcl";
include "./takedown/key.vcl";
include "./takedown/trust.vcl";
include "./takedown/listener.vcl";
include "./takedown/purge.vcl";
include "./takedown/ban.vcl";
include "./takedown/heartbeat.vcl";
include "./takedown/fetch.vcl";
include "./takedown/lifetime.vcl";
include "./takedown/fence.vcl";
include "./takedown/conditions.vcl";
include "./takedown/answer.vcl";
include "./takedown/errors.vcl";

sub vcl_init {
    call takedown_check_settings;
    call takedown_start;
    return (ok);
}

sub vcl_recv {
    if (local.socket == "purge") {
        call takedown_listener;
    }
    call takedown_methods;
    call takedown_route;
    call takedown_trust_hits;
    call takedown_ranges;
    return (hash);
}

sub vcl_hash {
    call takedown_key;
    return (lookup);
}

sub vcl_hit {
    call takedown_purge_here;
    return (deliver);
}

sub vcl_miss {
    call takedown_purge_here;
    call takedown_note_miss;
    return (fetch);
}

sub vcl_backend_fetch {
    call takedown_fetch;
    call takedown_note_fence;
    return (fetch);
}

sub vcl_backend_response {
    call takedown_keep_stale;
    call takedown_origin_error;
    call takedown_strip;
    call takedown_name_object;
    call takedown_store_hit;
    call takedown_lifetime;
    call takedown_trust_object;
    call takedown_fence;
    return (deliver);
}

sub vcl_backend_error {
    call takedown_keep_stale;
    call takedown_fetch_error;
    return (deliver);
}

sub vcl_deliver {
    call takedown_conditions;
    call takedown_answer;
    return (deliver);
}

sub vcl_synth {
    if (local.socket == "purge") {
        call takedown_listener_answer;
    } else {
        call takedown_error;
    }
    return (deliver);
}
