# Answer conditional requests as the origin would (RFC 9110, 13), in the cases where Varnish compares differently.

sub takedown_conditions_evaluate {
    if (req.http.If-None-Match) {
        # Browsers send the tag as they got it, so this cheap comparison is enough for nearly all requests.
        if (resp.status == 200 && resp.http.ETag && req.http.If-None-Match == resp.http.ETag) {
            call takedown_conditions_not_modified;
        } else {
            call takedown_conditions_none_match;
        }
    } elseif (req.http.If-Modified-Since) {
        call takedown_conditions_modified_since;
    }
}

# Evaluate If-None-Match, since Varnish knows neither lists nor `*`. Beside it, If-Modified-Since is ignored, whether or
# not a tag matches.
sub takedown_conditions_none_match {
    if (resp.status == 200) {
        std.collect(req.http.If-None-Match);
        if (req.http.If-None-Match == "*") {
            call takedown_conditions_not_modified;
        } elseif (resp.http.ETag) {
            call takedown_conditions_tag_list;
        }
    }
    unset req.http.If-None-Match;
    unset req.http.If-Modified-Since;
}

# Search a list for the object's tag by weak comparison (RFC 9110, 8.8.3), up to the first malformed tag. The pattern
# does not backtrack. It runs only if the tag is in the text, and on the first 7000 bytes: each tag, of at least 3
# bytes, counts towards Varnish's pcre2_match_limit.
sub takedown_conditions_tag_list {
    if (std.strstr(req.http.If-None-Match, regsub(resp.http.ETag, "^W/", "")) &&
        resp.http.ETag + " " + str.take(req.http.If-None-Match, 7000) ~ {"(?x) ^ (?:W/)? ("[!\x23-~\x80-\xff]*") [ ]
        (?: [ \t,]*+ (?:W/)? (?!\1) "[!\x23-~\x80-\xff]*+" [ \t]*+ (?=,|$) )*+
        [ \t,]*+ (?:W/)? \1 [ \t]*+ (?:,|$)"}) {
        call takedown_conditions_not_modified;
    }
}

sub takedown_conditions_not_modified {
    set resp.status = 304;
    # A 304 describes no body (RFC 9110, 15.4.5).
    unset resp.http.Content-Type;
    unset resp.http.Accept-Ranges;
}

# Evaluate If-Modified-Since, since Varnish ignores a date in the future, and compares with the time of the fetch if
# the object has no Last-Modified.
sub takedown_conditions_modified_since {
    if (resp.status == 200 && resp.http.Last-Modified) {
        std.collect(req.http.If-Modified-Since);
        var.set("date", req.http.If-Modified-Since);
        call takedown_dates_read;
        if (std.time(var.get("date"), std.time(real=0.0)) >= std.time(resp.http.Last-Modified, now)) {
            call takedown_conditions_not_modified;
        }
    }
    unset req.http.If-Modified-Since;
}
