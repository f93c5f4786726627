# The cache key is the code alone; renditions are variants of it. One PURGE therefore removes them all, whatever host,
# query string or cookie they were asked for with.

sub takedown_key {
    hash_data(req.http.Takedown-Code);
}

# A ban passes over objects that lack the header it tests, so code and owner stand on every object (the owner as the
# origin sent it), and the origin's own Vary, which could split the key again, on none.
sub takedown_name_object {
    set beresp.http.Takedown-Code = bereq.http.Takedown-Code;
    set beresp.http.Vary = "Takedown-Rendition";
}
