# Check each request to the purge listener, and set the headers of its answers.

# Check in the order that docs/reference/protocol.md promises, and then run the method. PURGE and BAN end in their subs,
# so only HEARTBEAT reaches the last one.
sub takedown_listener_request {
    call takedown_listener_address;
    call takedown_token_check;
    call takedown_listener_keep_thread;
    call takedown_listener_methods;
    call takedown_position_match;
    call takedown_position_arguments;
    call takedown_purge_tags;
    call takedown_purge_all;
    call takedown_lease_heartbeat;
}

# Answer 403 to an address outside of the ACL. With a PROXY listener, client.ip is the address of the purger, not of
# the proxy.
sub takedown_listener_address {
    if (client.ip !~ takedown_purgers) {
        return (synth(403, "Forbidden: this address is not in the ACL takedown_purgers of default.vcl"));
    }
}

# Let the purger's connection keep its thread between requests, until timeout_idle. Slow readers can hold all other
# threads, and a connection without a thread would wait until Varnish cuts one of them off.
sub takedown_listener_keep_thread {
    set sess.timeout_linger = 1h;
}

sub takedown_listener_methods {
    if (req.method != "PURGE" && req.method != "BAN" && req.method != "HEARTBEAT") {
        return (synth(405));
    }
}

sub takedown_listener_answer {
    # A client without access learns nothing about the edge.
    if (resp.status != 403) {
        call takedown_listener_describe;
    }
    if (resp.status == 405) {
        set resp.http.Allow = "PURGE, BAN, HEARTBEAT";
    }
    call takedown_errors_plain_text;
}

sub takedown_listener_describe {
    # Half a millisecond is subtracted, so that rounding to milliseconds never names a moment in the future.
    set resp.http.Takedown-Now = std.real(time=std.now() - 0.5ms);
    set resp.http.ETag = {"""} + var.global_get("instance") + {"""};
    call takedown_lease_mode;
    set resp.http.Takedown-Mode = var.get("mode");
    if (req.method == "PURGE" && resp.status == 200) {
        set resp.http.Takedown-Removed = var.get_int("removed");
    }
    set resp.http.Takedown-Batch = var.global_get("position");
    if (req.method == "HEARTBEAT" && (resp.status == 200 || resp.status == 412)) {
        call takedown_listener_describe_more;
    }
}

sub takedown_listener_describe_more {
    if (var.global_get("trusted from")) {
        set resp.http.Takedown-Epoch = var.global_get("trusted from");
    }
    set resp.http.Takedown-Lease = std.real(duration=var.get_duration("lease"));
    call takedown_renditions;
    set resp.http.Takedown-Renditions = regsuball(regsuball(var.get("renditions"), "^ | $", ""), " ", ",");
    set resp.http.Takedown-Stale = std.integer(var.global_get("stale"), 0);
}
