# How long an answer is kept: as CDN-Cache-Control says (RFC 9213), and not at all where it says nothing or is in doubt.
# What Cache-Control says is for browsers.

sub takedown_lifetime_set {
    # A body that is not streamed enters the cache only when it is whole, long after the fence has looked.
    set beresp.do_stream = true;
    set beresp.keep = 0s;
    set beresp.ttl = 0s;
    if (beresp.status == 200 || beresp.status == 404 || beresp.status == 410 || beresp.status == 451) {
        call takedown_lifetime_directives;
    }
    call takedown_lifetime_doubt;
    unset beresp.http.CDN-Cache-Control;
    # A stale image may be shown while the origin is sick, for as long again as it was fresh, unless the origin forbids
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

# What must not be kept whatever the origin says.
sub takedown_lifetime_doubt {
    call takedown_settings;
    # Without its length a body that was cut short is taken for whole, and one larger than the cache empties it.
    if (!beresp.http.Content-Length || std.integer(beresp.http.Content-Length, 999999999999999) >
        std.integer(bytes=std.bytes(var.get("largest kept")))) {
        set beresp.ttl = 0s;
    }
    # All clients share what is kept, so it may depend only on what the edge takes out of each request (fetch.vcl).
    # Varnish has made one line of several.
    if (beresp.http.Vary !~
        "(?i)^[\s,]*+(?:(?:accept-encoding|authorization|cookie)\s*+(?:,[\s,]*+|$))*+$") {
        set beresp.ttl = 0s;
    }
}

# Reads the dictionary (RFC 8941, 3.2). One that is malformed in any place has no directives.
sub takedown_lifetime_directives {
    std.collect(beresp.http.CDN-Cache-Control);
    # A string may hold what looks like a directive.
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
        # ",max-age=60,must-revalidate,": no commas but those between members are left.
        var.set("directives", "," + regsuball(var.get("directives"), "[ \t]|;[^,]*", "") + ",");
        call takedown_lifetime_max_age;
    } else {
        var.set("directives", "");
    }
}

# One number, which may be said several times: two that differ are none. That for shared caches goes before.
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

# Hit-for-miss, so that those who wait for this answer fetch side by side and not one after the other; the next answer
# that can be kept replaces it. Never pass: a PURGE would then go to the origin.
sub takedown_lifetime_uncacheable {
    set beresp.uncacheable = true;
    set beresp.ttl = 1s;
    set beresp.grace = 0s;
    set beresp.keep = 0s;
}
