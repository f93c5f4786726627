# Names the instance of this cache, by which the purger notices a restart.

# Called by vcl_init. Globals outlive a reload, and the instance lasts as long as the process: it says to the purger
# that this cache is still the one it knows. E and marks need no first value, since what is absent vouches for nothing.
sub takedown_instance_start {
    if (!var.global_get("instance")) {
        var.global_set("instance", std.real(time=std.now()) + "-" + std.integer(real=std.random(0, 1000000000)));
    }
}

# Two edges behind one address, or an edge that was restarted and holds nothing of what it was told.
sub takedown_instance_match {
    if (req.http.If-Match) {
        std.collect(req.http.If-Match);
        if (req.http.If-Match != "*" &&
            !std.strstr(req.http.If-Match, {"""} + var.global_get("instance") + {"""})) {
            return (synth(412, "Precondition Failed: this is another instance than the one in If-Match"));
        }
    }
}
