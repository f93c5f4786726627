"""Reads and writes HTTP dates, as whole seconds since 1970-01-01 UTC (RFC 9110, 5.6.7)."""

import re
from calendar import timegm
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from time import gmtime

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_MONTH = f"(?P<month>{'|'.join(MONTHS)})"
#: The three forms that a recipient has to accept. A sender may use only the first.
_FORMS = tuple(
    re.compile(form, re.ASCII)
    for form in (
        rf"(?:{'|'.join(_DAYS)}), (?P<day>\d\d) {_MONTH} (?P<year>\d{{4}}) {_TIME} GMT",
        rf"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?P<day>\d\d)-{_MONTH}-(?P<year>\d\d) {_TIME} GMT",
        rf"(?:{'|'.join(_DAYS)}) {_MONTH} (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})",
    )
)
_UNIX_ZERO = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=4096)
def format_date(seconds: int) -> str:
    """Write ``seconds`` as an IMF-fixdate, as in ``Sun, 06 Nov 1994 08:49:37 GMT``.

    Without strftime, whose names of days and months follow the locale.
    """
    year, month, day, hour, minute, second, weekday, *_ = gmtime(seconds)
    return f"{_DAYS[weekday]}, {day:02} {MONTHS[month - 1]} {year:04} {hour:02}:{minute:02}:{second:02} GMT"


def parse_date(text: str) -> int | None:
    """Read an HTTP date in any of its three forms; None for any other text, which the caller has to ignore.

    The name of the day is not compared with the date: that would turn a clumsy client's revalidation into a download.
    docs/operate/origin.md has the rules in a table, since the edge follows the same.
    """
    match = next(filter(None, (form.fullmatch(text) for form in _FORMS)), None)
    if match is None:
        return None
    year, month, day = int(match["year"]), MONTHS.index(match["month"]) + 1, int(match["day"])
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"])
    if second == 60:  # a leap second, which Unix time does not have: taken for the last second of the minute
        second = 59
    if len(match["year"]) == 2:
        year = _full_year((year, month, day, hour, minute, second), datetime.now(UTC))
    try:
        return timegm(datetime(year, month, day, hour, minute, second).timetuple())
    except ValueError:
        return None


def whole_second_after(moment: datetime) -> int:
    """Round ``moment`` (UTC, no zone attached, as the database's driver gives it) up to a whole second."""
    since = moment.replace(tzinfo=UTC) - _UNIX_ZERO
    return -(-since // timedelta(seconds=1))


def _full_year(date: tuple[int, ...], now: datetime) -> int:
    """Complete a year of two digits: a date more than 50 years ahead is taken for one in the past (5.6.7)."""
    year = now.year - now.year % 100 + date[0]
    return year - 100 if (year - 50, *date[1:]) > now.timetuple()[:6] else year
