# Which requests of the public listener have an image behind them: GET and HEAD of /images/<code>[/<rendition>].

sub takedown_methods {
    if (req.method != "GET" && req.method != "HEAD") {
        return (synth(405));
    }
}

sub takedown_route {
    # Where the pattern does not match, regsub gives back the whole URL, and no code has a slash in it. This one match
    # is most of what a hit pays, so the rendition has a second one of its own only when there is something to find.
    set req.http.Takedown-Code =
        regsub(req.url, "^/images/([A-Za-z0-9_-]{1,64})(?:/[a-z0-9_-]{1,32})?(?:\?.*)?$", "\1");
    if (req.http.Takedown-Code == req.url) {
        call takedown_not_found;
    }
    set req.http.Takedown-Rendition = regsub(req.url, "^/images/[^/?]+(?:/([^?]+))?(?:\?.*)?$", "\1");
    if (req.http.Takedown-Rendition == "") {
        set req.http.Takedown-Rendition = "original";
    } else {
        call takedown_renditions;
    }
}

sub takedown_not_found {
    return (synth(404));
}
