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
    # The Host that the origin is asked with. Without it that is .host, and an IPv6 address is none: the origin refuses it.
    .host_header = "origin";
    # What an origin that hangs may hold (docs/edge.md). Keep connect_timeout, first_byte_timeout and wait_timeout together
    # below the lease.
    .connect_timeout = 1s;
    .first_byte_timeout = 5s;
    .between_bytes_timeout = 5s;
    # A fetch holds two threads. Keep max_connections plus wait_limit well under half of the threads that varnishd may
    # have (thread_pools times thread_pool_max), so that a purge always finds one.
    .max_connections = 100;
    .wait_limit = 200;
    .wait_timeout = 1s;
}

# Addresses that may speak to the purge listener; any other gets 403, whatever its token. List your purgers alone.
acl takedown_purgers {
    "127.0.0.0"/8;
    "::1";
    "10.0.0.0"/8;
    "172.16.0.0"/12;
    "192.168.0.0"/16;
    "fc00::"/7;
}

sub takedown_settings {
    # The file that holds the token of each purge, or two, one a line, that are both accepted. Each load of this VCL
    # reads it (docs/edge.md, "Token").
    var.set("token file", "/etc/varnish/takedown.token");

    # How long the cache is trusted after a moment for which the purger vouches. Longer shows images for longer when
    # purger or database are away, and hides a flagged one as much later on an edge that cannot be reached.
    var.set_duration("lease", 10s);

    # Past the lease a hit is at most this old.
    var.set_duration("fail-safe TTL", 2s);

    # The largest body that is kept, as bytes, K, M or G. One larger than the cache would push out all else.
    var.set("largest kept", "16M");

    # "no" where nothing ever purges this edge: the cache is then always trusted, and a takedown takes a day.
    var.set("purger", "yes");
}

sub takedown_renditions {
    # Those that exist besides the original, with a space around each; " " for none. Another name is 404 here, so that
    # clients cannot make up variants, and the purger is told of these.
    var.set("renditions", " thumb ");
}

# ---- How it works ----------------------------------------------------------------------------------------------------

include "./takedown/settings.vcl";
include "./takedown/instance.vcl";
include "./takedown/token.vcl";
include "./takedown/route.vcl";
include "./takedown/request_body.vcl";
include "./takedown/key.vcl";
include "./takedown/lease.vcl";
include "./takedown/listener.vcl";
include "./takedown/position.vcl";
include "./takedown/purge.vcl";
include "./takedown/ban.vcl";
include "./takedown/marks.vcl";
include "./takedown/heartbeat.vcl";
include "./takedown/fetch.vcl";
include "./takedown/lifetime.vcl";
include "./takedown/fence.vcl";
include "./takedown/owner_marks.vcl";
include "./takedown/conditions.vcl";
include "./takedown/ranges.vcl";
include "./takedown/dates.vcl";
include "./takedown/answer.vcl";
include "./takedown/errors.vcl";

sub vcl_init {
    call takedown_settings_check;
    call takedown_token_read;
    call takedown_instance_start;
    call takedown_position_start;
    return (ok);
}

sub vcl_recv {
    if (local.socket == "purge") {
        call takedown_listener_request;
    }
    call takedown_route_host;
    call takedown_route_methods;
    call takedown_request_body_refuse;
    call takedown_route_image;
    call takedown_lease_limit_hits;
    call takedown_ranges_request;
    return (hash);
}

sub vcl_hash {
    call takedown_key_hash;
    return (lookup);
}

sub vcl_hit {
    call takedown_purge_object;
    call takedown_lease_remove_future;
    return (deliver);
}

sub vcl_miss {
    call takedown_purge_object;
    call takedown_answer_note_miss;
    return (fetch);
}

sub vcl_backend_fetch {
    call takedown_fetch_request;
    call takedown_fence_note;
    return (fetch);
}

sub vcl_backend_response {
    call takedown_errors_unasked_304;
    call takedown_fetch_keep_stale;
    call takedown_errors_origin;
    call takedown_fetch_strip;
    call takedown_lifetime_set;
    call takedown_key_name_object;
    call takedown_answer_store_hit;
    call takedown_lease_limit_object;
    call takedown_fence_check;
    return (deliver);
}

sub vcl_backend_error {
    call takedown_fetch_keep_stale;
    call takedown_errors_fetch;
    return (deliver);
}

sub vcl_deliver {
    call takedown_conditions_evaluate;
    call takedown_ranges_evaluate;
    call takedown_answer_headers;
    return (deliver);
}

sub vcl_synth {
    if (local.socket == "purge") {
        call takedown_listener_answer;
    } else {
        call takedown_errors_public;
    }
    call takedown_request_body_close;
    return (deliver);
}
