# Reads the token file when a VCL is loaded, and compares the token of each request with what it held.
#
# The tokens are kept in a global under the file's name: globals outlive a reload and all loaded VCLs share them. So a
# token that is no longer in the file is refused from the next load on, by every VCL that names this file, also by an
# older one that is used again.

sub takedown_token_read {
    call takedown_token_path;
    var.set("tokens", std.fileread(var.get("token path")));
    # RFC 6750, section 2.1: the characters of a Bearer token.
    if (var.get("tokens") !~ "^[A-Za-z0-9._~+/-]+=*(?:\s*\n[A-Za-z0-9._~+/-]+=*)?\s*$") {
        return (fail("The token file is missing, unreadable, or not one or two lines of a token each (letters, digits " +
            "and . _ ~ + / - =): see takedown_settings in default.vcl"));
    }
    var.global_set("tokens " + var.get("token file"), " " + regsuball(var.get("tokens"), "\s+", " ") + " ");
}

# std.fileread remembers what it read by the file's name for as long as a loaded VCL uses that name. The clock in
# milliseconds, each digit d written as "./" and d times "/", spells the path anew for each load.
sub takedown_token_path {
    var.set("spelling", regsuball(std.real(time=std.now()), "[^0-9]", ""));
    var.set("spelling", regsuball(var.get("spelling"), "9", "8/"));
    var.set("spelling", regsuball(var.get("spelling"), "8", "7/"));
    var.set("spelling", regsuball(var.get("spelling"), "7", "6/"));
    var.set("spelling", regsuball(var.get("spelling"), "6", "5/"));
    var.set("spelling", regsuball(var.get("spelling"), "5", "4/"));
    var.set("spelling", regsuball(var.get("spelling"), "4", "3/"));
    var.set("spelling", regsuball(var.get("spelling"), "3", "2/"));
    var.set("spelling", regsuball(var.get("spelling"), "2", "1/"));
    var.set("spelling", regsuball(var.get("spelling"), "1", "0/"));
    var.set("spelling", regsuball(var.get("spelling"), "0", "./"));
    var.set("token path", regsub(var.get("token file"), "/([^/]+)$", "/" + var.get("spelling") + "\1"));
}

# A token has no space in it, and each of ours stands between two: it is found whole or not at all. The name of the
# scheme may come in any case (RFC 9110, section 11.1).
sub takedown_token_check {
    call takedown_settings;
    if (req.http.Authorization !~ "(?i)^Bearer +[A-Za-z0-9._~+/-]+=*$" ||
        !std.strstr(var.global_get("tokens " + var.get("token file")),
            " " + regsub(req.http.Authorization, "^.* ", "") + " ")) {
        return (synth(403, "Forbidden: Authorization must be Bearer and a token of this edge"));
    }
}
