# Make the instance of this cache: a new value with each start of the worker process.
# The purger compares it to notice that an edge has lost its cache, its lease and its marks.

# Set the instance at the first load of a VCL. Globals outlive a reload. The lease and the marks need no initial value:
# without them the edge is in fail-safe mode.
sub takedown_instance_start {
    if (!var.global_get("instance")) {
        var.global_set("instance", std.real(time=std.now()) + "-" + std.integer(real=std.random(0, 1000000000)));
    }
}

# Answer 412 if If-Match names another instance: another edge behind the same address, or the edge before its restart.
sub takedown_instance_match {
    if (req.http.If-Match) {
        std.collect(req.http.If-Match);
        if (req.http.If-Match != "*" &&
            !std.strstr(req.http.If-Match, {"""} + var.global_get("instance") + {"""})) {
            return (synth(412, "Precondition Failed: this is another instance than the one in If-Match"));
        }
    }
}
