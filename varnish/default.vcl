# Cache the images of an origin, and remove each at once when the purger asks: an edge of Edge Takedown.
#
# docs/operate/edge.md says how to run it. The subs are in takedown/: takedown_<file>_<step> is in <file>.vcl.
# docs/internals/vcl.md lists all files, and all variables with the files that set and read them.
vcl 4.1;

import directors;
import purge;
import std;
import str;
import var;
import xkey;

# ---- What a site edits -----------------------------------------------------------------------------------------------

backend origin {
    .host = "127.0.0.1";
    .port = "8000";
    # The Host header of each fetch. Without this line it is .host, and the origin refuses an IPv6 address without
    # brackets.
    .host_header = "origin";
    # Time limits for an origin that hangs (docs/operate/edge.md). Keep the sum of connect_timeout, first_byte_timeout
    # and wait_timeout below the lease.
    .connect_timeout = 1s;
    .first_byte_timeout = 5s;
    .between_bytes_timeout = 5s;
    # A fetch holds two threads. Keep max_connections plus wait_limit well below half of all threads (thread_pools times
    # thread_pool_max), so that a purge always finds a free thread.
    .max_connections = 100;
    .wait_limit = 200;
    .wait_timeout = 1s;
}

# The addresses of your purgers. The purge listener answers 403 to all others, whatever their token.
acl takedown_purgers {
    "127.0.0.0"/8;
    "::1";
    "10.0.0.0"/8;
    "172.16.0.0"/12;
    "192.168.0.0"/16;
    "fc00::"/7;
}

sub takedown_settings {
    # The file with the token that purges need. A second line may have a second token; both are accepted. Varnish reads
    # the file at each load of this VCL (docs/operate/edge.md, "Token").
    var.set("token file", "/etc/varnish/takedown.token");

    # The edge trusts its cache for this long after the last heartbeat. A longer lease bridges longer outages of purger
    # or database, but an edge that the purger cannot reach shows a banned image for that much longer.
    var.set_duration("lease", 10s);

    # When the lease has run out, a hit is at most this old.
    var.set_duration("fail-safe TTL", 2s);

    # The largest body that is cached, in bytes, or with K, M or G. A body larger than the cache would evict all other
    # objects.
    var.set("largest kept", "16M");

    # "no" for an edge without a purger: it always trusts its cache, and shows a banned image until the object expires.
    var.set("purger", "yes");

    # Of the URLs of a site's own server (takedown_site): "404" for those that no rule of the origin reads, or "pass" to
    # let that server answer them, uncached, so that this edge can be in front of the whole site.
    var.set("other URLs", "404");

    # The largest body of a request that is passed on. The edge holds it in memory (storage Transient) until it knows
    # whether the URL shows an image; a larger one is 413.
    var.set("largest body", "16M");

    # The parameters of a query string that count, of those URLs: "*" for all, "" for none, or their names with a space
    # before and after each. The others reach neither cache nor servers.
    var.set("query", "*");
}

sub takedown_renditions {
    # The names of the renditions besides the original, with a space before and after each; " " if there are none. The
    # edge answers 404 for any other name, so that clients cannot fill the cache with variants. The purger asks the edge
    # for these names, to probe each rendition.
    var.set("renditions", " thumb ");
}

sub takedown_urls {
    # Map the URLs in your pages to those of this edge: set req.url to /images/<code> or /images/<code>/<rendition>.
    # docs/guide/urls.md has examples. The edge answers 404 for any other URL.
}

sub takedown_origin {
    # Choose among several origins: set bereq.backend. docs/operate/deployment.md has an example.
}

sub takedown_site {
    # Name the server that has the pictures of a host, and define its backend above this sub: the edge asks the origin
    # for a verdict on each URL, and then this server for the bytes. docs/operate/edge.md has an example. Without one,
    # the edge shows what the origin stores, as /images/<code>.
}

# ---- How it works ----------------------------------------------------------------------------------------------------

include "./takedown/settings.vcl";
include "./takedown/token.vcl";
include "./takedown/route.vcl";
include "./takedown/site.vcl";
include "./takedown/legs.vcl";
include "./takedown/key.vcl";
include "./takedown/lease.vcl";
include "./takedown/listener.vcl";
include "./takedown/position.vcl";
include "./takedown/purge.vcl";
include "./takedown/fetch.vcl";
include "./takedown/lifetime.vcl";
include "./takedown/fence.vcl";
include "./takedown/conditions.vcl";
include "./takedown/ranges.vcl";
include "./takedown/dates.vcl";
include "./takedown/answer.vcl";
include "./takedown/errors.vcl";
include "./takedown/probe.vcl";

sub vcl_init {
    # First: vcl_fini runs also after a load that failed.
    call takedown_position_load;
    call takedown_settings_check;
    call takedown_token_read;
    call takedown_position_start;
    call takedown_probe_start;
    return (ok);
}

sub vcl_fini {
    call takedown_position_unload;
    return (ok);
}

sub vcl_recv {
    if (local.socket == "purge") {
        call takedown_listener_request;
    }
    if (req.restarts > 0) {
        call takedown_site_pass;
    }
    call takedown_route_host;
    call takedown_route_methods;
    call takedown_route_refuse_body;
    # After the checks of the rest of the head, and before everything that reads the URL.
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
    if (req.hash_ignore_vary) {
        call takedown_site_hit;
    }
    call takedown_lease_remove_future;
    return (deliver);
}

sub vcl_miss {
    call takedown_answer_note_miss;
    call takedown_site_miss;
    return (fetch);
}

sub vcl_backend_fetch {
    call takedown_probe_hide;
    call takedown_legs_choose;
    call takedown_fetch_request;
    call takedown_legs_ask;
    call takedown_fence_note;
    return (fetch);
}

sub vcl_backend_response {
    call takedown_legs_answer;
    call takedown_errors_unasked_304;
    call takedown_fetch_keep_stale;
    call takedown_errors_origin;
    call takedown_fetch_strip;
    call takedown_lifetime_set;
    call takedown_legs_shorten;
    call takedown_key_tags;
    call takedown_answer_store_hit;
    call takedown_lease_limit_object;
    call takedown_fence_check;
    return (deliver);
}

sub vcl_backend_error {
    call takedown_ranges_failed;
    call takedown_fetch_keep_stale;
    call takedown_errors_fetch;
    return (deliver);
}

sub vcl_deliver {
    if (req.hash_ignore_vary) {
        call takedown_site_deliver;
    }
    call takedown_conditions_evaluate;
    call takedown_ranges_evaluate;
    call takedown_answer_headers;
    call takedown_probe_answer;
    return (deliver);
}

sub vcl_synth {
    if (local.socket == "purge") {
        call takedown_listener_answer;
    } else {
        call takedown_errors_public;
        call takedown_probe_answer;
    }
    call takedown_route_close_body;
    return (deliver);
}
