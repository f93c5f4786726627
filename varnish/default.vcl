# Run an edge of Edge Takedown: cache images as the origin says, and remove each at once when the purger says so.
#
# docs/operate/edge.md says how to run it. The subs are in takedown/: takedown_<file>_<step> is in <file>.vcl.
# docs/internals/vcl.md lists the files and every variable, with who sets it and who reads it.
vcl 4.1;

import purge;
import std;
import str;
import var;

# ---- What a site edits -----------------------------------------------------------------------------------------------

backend origin {
    .host = "127.0.0.1";
    .port = "8000";
    # The Host of each fetch. The default is .host, and the origin refuses an IPv6 address without brackets as a Host.
    .host_header = "origin";
    # Limits for an origin that hangs (docs/operate/edge.md). Keep the sum of connect_timeout, first_byte_timeout and
    # wait_timeout below the lease.
    .connect_timeout = 1s;
    .first_byte_timeout = 5s;
    .between_bytes_timeout = 5s;
    # A fetch holds two threads. Keep max_connections plus wait_limit well below half of all threads (thread_pools times
    # thread_pool_max), so that a purge always finds a free thread.
    .max_connections = 100;
    .wait_limit = 200;
    .wait_timeout = 1s;
}

# Addresses that may send requests to the purge listener. All others get 403, whatever their token. List only your
# purgers.
acl takedown_purgers {
    "127.0.0.0"/8;
    "::1";
    "10.0.0.0"/8;
    "172.16.0.0"/12;
    "192.168.0.0"/16;
    "fc00::"/7;
}

sub takedown_settings {
    # Path of the file with the token that purges need. It may hold a second one, on a line of its own: both are
    # accepted. Each load of this VCL reads it (docs/operate/edge.md, "Token").
    var.set("token file", "/etc/varnish/takedown.token");

    # Time for which the edge trusts its cache after a moment up to which, the purger says, it has every purge. A longer
    # lease rides out longer outages of purger or database, but an edge that the purger cannot reach then shows a banned
    # image that much longer.
    var.set_duration("lease", 10s);

    # Longest age of a hit when the lease has run out.
    var.set_duration("fail-safe TTL", 2s);

    # Size of the largest body that is cached, in bytes or with K, M or G. A body larger than the cache would evict all
    # other objects.
    var.set("largest kept", "16M");

    # "no" for an edge without a purger: it always trusts its cache, and shows a banned image until the object expires.
    var.set("purger", "yes");
}

sub takedown_renditions {
    # Names of the renditions besides the original, with a space before and after each; " " for none. The edge answers
    # 404 for any other name, so that clients cannot fill the cache with variants, and tells these names to the purger.
    var.set("renditions", " thumb ");
}

sub takedown_urls {
    # Maps the URLs in the site's pages to those of this edge: sets req.url to /images/<code> or
    # /images/<code>/<rendition>. docs/guide/urls.md has examples. Any other URL is 404.
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
    # Before all that reads the URL, and after the checks of the rest of the head.
    call takedown_urls;
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
