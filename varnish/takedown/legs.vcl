# Take the two legs of the site's way: first the origin's verdict on a URL, then the bytes from the site's own server.
#
# Both legs are attempts of one fetch, so all clients that ask for the URL wait for it, and its object has the tags of
# the verdict. Nothing of the site's server is shown unless the verdict was 204 and the fence accepted it.

# ---- The legs --------------------------------------------------------------------------------------------------------

# Set the variable "leg": verdict, bytes, or empty on today's way. A fetch begins with the verdict, and begins with it
# again unless the attempt before got one.
sub takedown_legs_choose {
    if (!var.get("leg")) {
        # An empty text equals "", an unset variable does not.
        var.set("leg", "");
        var.set("url", "");
    }
    if (bereq.http.Takedown-Rendition == "*") {
        unset bereq.http.Takedown-Rendition;
        var.set("url", bereq.url);
        var.set("host", bereq.http.Host);
        var.set("range", bereq.http.Range);
        var.set("if range", bereq.http.If-Range);
        var.set("method", bereq.method);
        var.set_backend("server", bereq.backend);
        set bereq.method = "GET";
    } elseif (bereq.uncacheable && var.get("url") == "") {
        call takedown_legs_one_url;
        return (fetch);
    }
    if (var.get("url") != "") {
        if (var.get("leg") == "verdict" && var.get("verdict") == "204") {
            var.set("leg", "bytes");
        } else {
            var.set("leg", "verdict");
        }
        var.set("verdict", "");
    }
}

sub takedown_legs_ask {
    if (var.get("leg") != "") {
        unset bereq.http.Range;
        unset bereq.http.If-Range;
        call takedown_legs_one_url;
        unset bereq.http.X-HTTP-Method-Override;
        unset bereq.http.X-HTTP-Method;
        unset bereq.http.X-Method-Override;
        unset bereq.http.Takedown-URL;
        unset bereq.http.Takedown-Host;
        unset bereq.http.Takedown-Changed-Content;
    }
    if (var.get("leg") == "verdict") {
        set bereq.url = "/verdict";
        set bereq.backend = origin;
        call takedown_origin;
        set bereq.http.Takedown-URL = var.get("url");
        set bereq.http.Takedown-Host = var.get("host");
        if (var.get("asked again") == "yes") {
            set bereq.http.Takedown-Changed-Content = "1";
        }
    } elseif (var.get("leg") == "bytes") {
        set bereq.url = var.get("url");
        set bereq.backend = var.get_backend("server");
        if (var.get("host") != "") {
            set bereq.http.Host = var.get("host");
        }
        if (bereq.uncacheable && var.get("range") != "") {
            set bereq.http.Range = var.get("range");
            if (var.get("if range") != "") {
                set bereq.http.If-Range = var.get("if range");
            }
        }
    }
}

# Remove the headers by which a client could ask the site's server for another URL than the one of the verdict.
sub takedown_legs_one_url {
    unset bereq.http.X-Original-URL;
    unset bereq.http.X-Rewrite-URL;
    unset bereq.http.X-Original-Host;
    unset bereq.http.X-Forwarded-Host;
    unset bereq.http.X-Forwarded-Prefix;
    unset bereq.http.X-Host;
    unset bereq.http.Forwarded;
}

# Let a try that the fence refuses ask once more about changed content.
sub takedown_legs_begin_again {
    var.set("asked again", "");
}

sub takedown_legs_answer {
    if (var.get("leg") == "verdict") {
        call takedown_legs_verdict;
    } elseif (var.get("leg") == "bytes") {
        call takedown_legs_bytes;
    } elseif (bereq.uncacheable) {
        call takedown_legs_hide;
        return (deliver);
    }
}

# ---- The verdict -----------------------------------------------------------------------------------------------------

# Go on to the site's server if the verdict says so. Any other answer is the client's, and is kept as today.
sub takedown_legs_verdict {
    var.set("code", "");
    if (beresp.http.Takedown-Image ~ "^[A-Za-z0-9_-]{1,64}$") {
        var.set("code", beresp.http.Takedown-Image);
    }
    if (var.get("method") == "OPTIONS") {
        return (deliver);
    }
    if (beresp.status == 204) {
        if (var.get("code") == "") {
            return (error(503));
        }
        call takedown_legs_remember;
        var.set("verdict", "204");
        return (retry);
    }
    if (beresp.http.Takedown-Rule) {
        var.set("verdict", "no image");
        # No grace: the URL may be a new picture.
        set beresp.http.CDN-Cache-Control = beresp.http.CDN-Cache-Control + ", must-revalidate";
    }
}

sub takedown_legs_remember {
    # Two lines are joined, and then not believed (fetch.vcl, key.vcl).
    std.collect(beresp.http.Takedown-Seen, ",");
    var.set("said seen", beresp.http.Takedown-Seen);
    std.collect(beresp.http.Takedown-Changed, ",");
    var.set("said changed", beresp.http.Takedown-Changed);
    std.collect(beresp.http.Takedown-Digest, ",");
    var.set("said digest", beresp.http.Takedown-Digest);
    var.set("said owner", beresp.http.Takedown-Owner);
    std.collect(beresp.http.CDN-Cache-Control);
    var.set("said lifetime", beresp.http.CDN-Cache-Control);
    std.collect(beresp.http.Cache-Control);
    var.set("said cache control", beresp.http.Cache-Control);
    var.set("said expires", beresp.http.Expires);
    var.set("said modified", beresp.http.Last-Modified);
    var.set("said dated", beresp.http.Takedown-Dated);
    var.set("said expect", beresp.http.Takedown-Expect);
}

# ---- The bytes -------------------------------------------------------------------------------------------------------

# Replace what the site's server says to caches by what the verdict said, so that all that follows is as today.
sub takedown_legs_bytes {
    call takedown_legs_compare;
    call takedown_legs_hide;
    call takedown_legs_limit;
    set beresp.http.Takedown-Seen = var.get("said seen");
    set beresp.http.Takedown-Changed = var.get("said changed");
    set beresp.http.Takedown-Digest = var.get("said digest");
    set beresp.http.Takedown-Owner = var.get("said owner");
    if (beresp.status == 200) {
        set beresp.http.CDN-Cache-Control = var.get("said lifetime");
        call takedown_legs_dates;
    } else {
        unset beresp.http.CDN-Cache-Control;
        unset beresp.http.Expires;
        set beresp.http.Cache-Control = "no-store";
    }
}

# Remove the headers of the site's server that only origin and edge may set.
sub takedown_legs_hide {
    unset beresp.http.Takedown-State;
    unset beresp.http.Takedown-Image;
    unset beresp.http.Takedown-Rule;
    unset beresp.http.Takedown-Code;
    unset beresp.http.Takedown-Probe;
    unset beresp.http.Takedown-Seen;
    unset beresp.http.Takedown-Changed;
    unset beresp.http.Takedown-Owner;
    unset beresp.http.Takedown-Digest;
    unset beresp.http.Takedown-Expect;
    unset beresp.http.Takedown-Dated;
    unset beresp.http.Cache-Status;
    unset beresp.http.xkey;
    unset beresp.http.X-HashTwo;
    unset beresp.http.CDN-Cache-Control;
    unset beresp.http.Surrogate-Control;
    unset beresp.http.Surrogate-Key;
}

# Other content than that which the origin knows, by length or validators: ask for the verdict again, and do not show
# the bytes if it knows no better then.
sub takedown_legs_compare {
    if (var.get("said expect") != "" && (beresp.status == 200 || beresp.status == 206)) {
        var.set("length", beresp.http.Content-Length);
        if (beresp.status == 206) {
            var.set("length", regsub(beresp.http.Content-Range, "^.*/", ""));
        }
        var.set("got", "length=" + var.get("length") + "|etag=" + beresp.http.ETag + "|last-modified=" +
            beresp.http.Last-Modified);
        # A server that sends no length is compared by its validators only.
        if (var.get("length") == "") {
            var.set("said expect", regsub(var.get("said expect"), "^length=[0-9]*", "length="));
        }
        if (var.get("got") != var.get("said expect")) {
            call takedown_legs_changed;
        }
    }
}

sub takedown_legs_changed {
    std.log("takedown: other content at " + bereq.url + ": " + var.get("got") + " instead of " + var.get("said expect"));
    # max_retries has room for one more try.
    if (var.get("asked again") == "yes" || bereq.retries >= 8) {
        return (error(503));
    }
    var.set("asked again", "yes");
    return (retry);
}

# Set the variable "limit" to the lifetime that the site's server allows; 0s for none.
sub takedown_legs_limit {
    std.collect(beresp.http.Cache-Control);
    var.set_duration("limit", 1000000000s);
    if (beresp.http.Cache-Control ~ "(?i)(?:^|[\s,])(?:private|no-store|no-cache)(?:$|[\s,=])") {
        var.set_duration("limit", 0s);
    } elseif (beresp.http.Cache-Control ~ "(?i)(?:^|[\s,])s-maxage=") {
        var.set_duration("limit", std.duration(
            regsub(beresp.http.Cache-Control, {"(?i)^(?:.*[\s,])?s-maxage="?([0-9]{1,9}).*$"}, "\1") + "s", 0s));
    } elseif (beresp.http.Cache-Control ~ "(?i)(?:^|[\s,])max-age=") {
        var.set_duration("limit", std.duration(
            regsub(beresp.http.Cache-Control, {"(?i)^(?:.*[\s,])?max-age="?([0-9]{1,9}).*$"}, "\1") + "s", 0s));
    } elseif (beresp.http.Expires) {
        var.set_duration("limit", std.time(beresp.http.Expires, now) - now);
    }
    if (beresp.http.Age) {
        # A cache in front of the site's server has kept the answer for so long.
        var.set_duration("limit", var.get_duration("limit") - std.duration(beresp.http.Age + "s", 0s));
    }
    var.set("revalidate", "");
    if (beresp.http.Cache-Control ~ "(?i)(?:^|[\s,])(?:must-revalidate|proxy-revalidate|s-maxage)(?:$|[\s,=])") {
        var.set("revalidate", "yes");
    }
}

# Keep the object no longer than the site's server allows.
sub takedown_legs_shorten {
    if (var.get("leg") == "bytes" && !beresp.uncacheable) {
        if (beresp.ttl > var.get_duration("limit")) {
            set beresp.ttl = var.get_duration("limit");
        }
        if (beresp.grace > beresp.ttl) {
            set beresp.grace = beresp.ttl;
        }
        if (var.get("revalidate") == "yes") {
            set beresp.grace = 0s;
        }
        if (beresp.ttl <= 0s) {
            call takedown_lifetime_uncacheable;
        }
    }
}

# Set what browsers are told: how long by the verdict, and since when by the later of the file's and the change's date.
sub takedown_legs_dates {
    unset beresp.http.Pragma;
    unset beresp.http.Expires;
    unset beresp.http.Cache-Control;
    if (var.get("said cache control") != "") {
        set beresp.http.Cache-Control = var.get("said cache control");
    }
    if (var.get("said expires") != "") {
        set beresp.http.Expires = var.get("said expires");
    }
    if (var.get("said dated") == "no") {
        unset beresp.http.Last-Modified;
    } elseif (var.get("said modified") != "" && (!beresp.http.Last-Modified ||
        std.time(beresp.http.Last-Modified, now) < std.time(var.get("said modified"), now))) {
        set beresp.http.Last-Modified = var.get("said modified");
    }
}
