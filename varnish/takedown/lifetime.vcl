# Set ttl, grace and keep of an object from CDN-Cache-Control (RFC 9213).
# An answer without it, or with an ambiguous one, is not cached. Cache-Control is for browsers.

sub takedown_lifetime_set {
    # Without streaming an object enters the cache only when its body is complete, long after the fence has checked it.
    set beresp.do_stream = true;
    set beresp.keep = 0s;
    set beresp.ttl = 0s;
    if (beresp.status == 200 || beresp.status == 404 || beresp.status == 410 || beresp.status == 451) {
        call takedown_lifetime_directives;
    }
    call takedown_lifetime_doubt;
    unset beresp.http.CDN-Cache-Control;
    # While the origin is sick, a stale image may be served for as long again as it was fresh, unless the origin forbids
    # it (RFC 9111, 5.2.2).
    if (var.get("directives") ~ ",(?:must-revalidate|proxy-revalidate|s-maxage)[,=]") {
        set beresp.grace = 0s;
    } else {
        set beresp.grace = beresp.ttl;
    }
    if (beresp.ttl <= 0s) {
        call takedown_lifetime_uncacheable;
    }
}

# Forbid caching where no CDN-Cache-Control can allow it.
sub takedown_lifetime_doubt {
    call takedown_settings;
    # Without Content-Length a truncated body would pass for a complete one. A body larger than the cache would evict
    # all other objects.
    if (!beresp.http.Content-Length || std.integer(beresp.http.Content-Length, 999999999999999) >
        std.integer(bytes=std.bytes(var.get("largest kept")))) {
        set beresp.ttl = 0s;
    }
    # All clients share an object, so the answer may vary only by headers that the edge removes from each fetch
    # (fetch.vcl). Varnish has joined several lines of Vary.
    if (beresp.http.Vary !~
        "(?i)^[\s,]*+(?:(?:accept-encoding|authorization|cookie)\s*+(?:,[\s,]*+|$))*+$") {
        set beresp.ttl = 0s;
    }
}

# Parse CDN-Cache-Control as a dictionary (RFC 8941, 3.2). A dictionary that is malformed anywhere has no directives.
sub takedown_lifetime_directives {
    std.collect(beresp.http.CDN-Cache-Control);
    # Strings are emptied, since they may contain text that looks like a directive.
    var.set("directives",
        regsuball(beresp.http.CDN-Cache-Control, {""(?:[ !\x23-\x5b\x5d-~]|\\["\\])*+""}, {""""}));
    if (var.get("directives") ~ {"(?x)
        (?(DEFINE)
            (?<key> [a-z*] [a-z0-9_.*-]*+ )
            (?<item> "" | -?[0-9]{1,15}+(?:\.[0-9]{1,3}+)? | \?[01] | :[A-Za-z0-9+/=]*+: |
                [A-Za-z*] [!\x23$%&'*+.^_`|~0-9A-Za-z:/-]*+ )
            (?<parameters> (?: ; [ ]*+ (?&key) (?: = (?&item) )? )*+ )
            (?<list> \( [ ]*+ (?: (?&item) (?&parameters) (?: [ ]++ | (?=\)) ) )*+ \) )
            (?<member> (?&key) (?: = (?: (?&item) | (?&list) ) )? (?&parameters) )
        )
        ^ (?&member) (?: [ \t]*+ , [ \t]*+ (?&member) )*+ $"}) {
        # ",max-age=60,must-revalidate,": the only commas left are those around members.
        var.set("directives", "," + regsuball(var.get("directives"), "[ \t]|;[^,]*", "") + ",");
        call takedown_lifetime_max_age;
    } else {
        var.set("directives", "");
    }
}

# Set ttl to s-maxage, or to max-age without it. Ignore a directive that is repeated with another number.
sub takedown_lifetime_max_age {
    var.set("ages", var.get("directives"));
    if (var.get("ages") ~ ",s-maxage[,=]") {
        var.set("ages", regsuball(var.get("ages"), ",max-age(?:=[^,]*)?(?=,)", ""));
        var.set("ages", regsuball(var.get("ages"), ",s-maxage(?=[,=])", ",max-age"));
    }
    if (var.get("ages") !~ ",(?:no-store|no-cache|private)[,=]" && var.get("ages") ~ {"(?x)
        ^ (?: (?! ,max-age[,=] ) . )*+ ,max-age=([0-9]{1,9}) (?=,) (?! .* ,max-age(?: , | =(?!\1,) ) )"}) {
        set beresp.ttl = std.duration(regsub(var.get("ages"), "^.*,max-age=([0-9]+),.*$", "\1") + "s", 0s);
    }
}

# Make an object hit-for-miss: the requests that wait for it then fetch in parallel instead of one after the other, and
# the next answer that can be cached replaces it. With hit-for-pass, a PURGE would go to the origin.
sub takedown_lifetime_uncacheable {
    set beresp.uncacheable = true;
    set beresp.ttl = 1s;
    set beresp.grace = 0s;
    set beresp.keep = 0s;
}
