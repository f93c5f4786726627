# Read the token file at each load of a VCL, and compare the token of each request with those that it held.
#
# The tokens are stored in a global named after the file: globals outlive a reload, and all loaded VCLs share them. So
# after the next load, every VCL that names this file refuses a token that is no longer in it, even an older VCL that is
# used again.

sub takedown_token_read {
    call takedown_token_path;
    var.set("tokens", std.fileread(var.get("token path")));
    # The characters of a Bearer token (RFC 6750, section 2.1).
    if (var.get("tokens") !~ "^[A-Za-z0-9._~+/-]+=*(?:\s*\n[A-Za-z0-9._~+/-]+=*)?\s*$") {
        return (fail("The token file is missing, unreadable, or not one or two lines of a token each (letters, digits " +
            "and . _ ~ + / - =): see takedown_settings in default.vcl"));
    }
    var.global_set("tokens " + var.get("token file"), " " + regsuball(var.get("tokens"), "\s+", " ") + " ");
}

# Spell the path of the token file in a new way for each load: std.fileread caches a file by its name for as long as a
# loaded VCL uses that name. Each digit d of the clock in milliseconds becomes "./" and d times "/" in the path.
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

# Answer 403 to a request without an accepted token. A token contains no space, and the global has a space on both sides
# of each, so no part of a token matches. The name of the scheme may have any case (RFC 9110, section 11.1).
sub takedown_token_check {
    call takedown_settings;
    if (req.http.Authorization !~ "(?i)^Bearer +[A-Za-z0-9._~+/-]+=*$" ||
        !std.strstr(var.global_get("tokens " + var.get("token file")),
            " " + regsub(req.http.Authorization, "^.* ", "") + " ")) {
        return (synth(403, "Forbidden: Authorization must be Bearer and a token of this edge"));
    }
}
