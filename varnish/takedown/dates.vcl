# Parse an HTTP date as the origin does (RFC 9110, 5.6.7).
# std.time by itself would reject a date with a wrong day of the week, count two-digit years from 1969, and accept
# ISO 8601 and plain numbers.

# Convert the variable "date" into ISO 8601, which std.time parses and which has no day of the week. It is "" if it was
# no date.
sub takedown_dates_read {
    if (var.get("date") ~ "^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT$") {
        var.set("date", regsub(var.get("date"), "^.{5}(..) (...) (.{4}) (.{8}).*$", "\3-\2-\1T\4"));
    } elseif (var.get("date") ~
        "^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, [0-9]{2}-[A-Z][a-z]{2}-[0-9]{2} [0-9:]{8} GMT$") {
        var.set("date", regsub(var.get("date"), "^.*, (..)-(...)-(..) (.{8}).*$",
            std.strftime(now, "%C") + "\3-\2-\1T\4"));
        call takedown_dates_century;
    } elseif (var.get("date") ~ "^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4}$") {
        var.set("date", regsub(var.get("date"), "^.{4}(...) (..) (.{8}) (.{4})$", "\4-\1-\2T\3"));
        var.set("date", regsub(var.get("date"), " ", "0"));
    } else {
        var.set("date", "");
    }
    call takedown_dates_month;
}

# Move a date with a two-digit year that lies more than 50 years in the future into the century before.
sub takedown_dates_century {
    call takedown_dates_month;
    if (std.integer(regsuball(var.get("date"), "[^0-9]", ""), 0) >
        std.integer(std.strftime(now, "%Y%m%d%H%M%S"), 0) + 500000000000) {
        var.set("date", regsub(var.get("date"), "^..", std.integer(std.strftime(now, "%C"), 0) - 1));
    }
}

# Replace the name of the month by its number. Any other name remains, and std.time rejects it.
sub takedown_dates_month {
    var.set("date", regsub(var.get("date"), "-Jan-", "-01-"));
    var.set("date", regsub(var.get("date"), "-Feb-", "-02-"));
    var.set("date", regsub(var.get("date"), "-Mar-", "-03-"));
    var.set("date", regsub(var.get("date"), "-Apr-", "-04-"));
    var.set("date", regsub(var.get("date"), "-May-", "-05-"));
    var.set("date", regsub(var.get("date"), "-Jun-", "-06-"));
    var.set("date", regsub(var.get("date"), "-Jul-", "-07-"));
    var.set("date", regsub(var.get("date"), "-Aug-", "-08-"));
    var.set("date", regsub(var.get("date"), "-Sep-", "-09-"));
    var.set("date", regsub(var.get("date"), "-Oct-", "-10-"));
    var.set("date", regsub(var.get("date"), "-Nov-", "-11-"));
    var.set("date", regsub(var.get("date"), "-Dec-", "-12-"));
}
