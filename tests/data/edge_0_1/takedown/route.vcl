# Which requests of the public listener have an image behind them: GET and HEAD of /images/<code>[/<rendition>].
#
# Every hit comes through here, and a header that is set costs it more than a pattern that is matched. So the code stays
# in the URL until it is needed, and the original is the variant without a header.

sub takedown_methods {
    if (req.method != "GET" && req.method != "HEAD") {
        return (synth(405));
    }
}

sub takedown_route {
    if (req.url ~ "^/images/[A-Za-z0-9_-]{1,64}(?:\?|$)") {
        if (req.http.Takedown-Rendition) {
            unset req.http.Takedown-Rendition;
        }
    } elseif (req.url ~ "^/images/[A-Za-z0-9_-]{1,64}/[a-z0-9_-]{1,32}(?:\?|$)") {
        set req.http.Takedown-Rendition = str.split(req.url, 3, "/?");
        call takedown_renditions;
    } else {
        call takedown_not_found;
    }
}

sub takedown_not_found {
    return (synth(404));
}
