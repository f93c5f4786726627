# Fail the load of this VCL if a setting in default.vcl is malformed, or would let the edge trust its cache for ever.

sub takedown_settings_check {
    call takedown_settings;
    if (var.get_duration("lease") <= 0s || var.get_duration("fail-safe TTL") <= 0s) {
        # Varnish takes a limit of 0 for no limit.
        return (fail("The lease and the fail-safe TTL must be longer than 0s: see takedown_settings in default.vcl"));
    }
    call takedown_renditions;
    if (var.get("renditions") !~ "^ (?:[a-z0-9_-]{1,32} )*$") {
        return (fail("The renditions are not names with a space around each: see takedown_renditions in default.vcl"));
    }
    if (std.integer(bytes=std.bytes(var.get("largest kept"), 0B)) <= 0) {
        return (fail("largest kept is not a number of bytes such as 16M: see takedown_settings in default.vcl"));
    }
    if (std.integer(bytes=std.bytes(var.get("largest body"), 0B)) <= 0) {
        return (fail("largest body is not a number of bytes such as 16M: see takedown_settings in default.vcl"));
    }
    if (var.get("purger") != "yes" && var.get("purger") != "no") {
        return (fail("purger is neither yes nor no: see takedown_settings in default.vcl"));
    }
    if (var.get("other URLs") != "404" && var.get("other URLs") != "pass") {
        return (fail("other URLs is neither 404 nor pass: see takedown_settings in default.vcl"));
    }
    if (var.get("query") !~ "^(?:\*| (?:[A-Za-z0-9._~%-]+ )+)?$") {
        return (fail("query is neither * nor names with a space around each: see takedown_settings in default.vcl"));
    }
}
