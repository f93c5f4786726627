# Answers conditional requests as the origin would (RFC 9110, 13), in the cases where Varnish compares differently.

sub takedown_conditions_evaluate {
    if (req.http.If-None-Match) {
        call takedown_conditions_none_match;
    } elseif (req.http.If-Modified-Since) {
        call takedown_conditions_modified_since;
    }
}

# Varnish knows neither lists nor `*`. Whether or not a tag matches, the date then plays no part.
sub takedown_conditions_none_match {
    if (resp.status == 200) {
        std.collect(req.http.If-None-Match);
        if (req.http.If-None-Match == "*") {
            call takedown_conditions_not_modified;
        } elseif (resp.http.ETag) {
            # What browsers send comes first; the list is for the rest.
            if (req.http.If-None-Match == resp.http.ETag) {
                call takedown_conditions_not_modified;
            } else {
                call takedown_conditions_tag_list;
            }
        }
    }
    unset req.http.If-None-Match;
    unset req.http.If-Modified-Since;
}

# Reads the list up to our tag, by weak comparison, or to where it stops being a list of tags (RFC 9110, 8.8.3). Nothing
# here is tried twice. A list without our tag is not read at all, and of the others no more than the pattern can take:
# each tag, of 3 bytes at least, counts against Varnish's pcre2_match_limit.
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
    # It says nothing of a body that is not there (RFC 9110, 15.4.5).
    unset resp.http.Content-Type;
    unset resp.http.Accept-Ranges;
}

# Varnish ignores a date in the future, and would compare with the time of the fetch where the image has no date.
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
