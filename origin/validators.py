"""Conditional requests by entity tag and by date (RFC 9110, 8.8 and 13). Nothing here raises, whatever was sent."""

import re

from origin.dates import parse_date

# entity-tag (8.8.3): anything but controls, spaces and the quote itself; bytes above 127 are allowed.
_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST_ITEM = re.compile(rf"[ \t,]*(?P<tag>{_TAG})[ \t]*(?=,|$)")


def etag_matches(if_none_match: str, etag: str) -> bool:
    """Tell whether the list ``if_none_match`` names ``etag`` (quoted), by weak comparison (13.1.2).

    ``*`` names every tag. Reading stops where the list stops being one: what was understood up to there counts.
    """
    if if_none_match == etag:  # what a browser or a cache sends; the list below is for the rest
        return True
    if if_none_match.strip(" \t") == "*":
        return True
    wanted = etag.removeprefix("W/")
    position = 0
    while item := _LIST_ITEM.match(if_none_match, position):
        if item["tag"].removeprefix("W/") == wanted:
            return True
        position = item.end()
    return False


def not_modified(
    if_none_match: str | None, if_modified_since: str | None, etag: str, last_modified: int | None
) -> bool:
    """Tell whether a GET or HEAD is to be answered 304.

    With If-None-Match present the date plays no part, matched or not (13.1.3). ``last_modified`` is in seconds since
    1970, None where the representation has no date: then no date can say that it is unchanged.
    """
    if if_none_match is not None:
        return etag_matches(if_none_match, etag)
    if if_modified_since is None or last_modified is None:
        return False
    since = parse_date(if_modified_since)
    return since is not None and last_modified <= since


def range_applies(if_range: str | None, etag: str, last_modified: int | None) -> bool:
    """Tell whether If-Range lets a Range header count (13.1.5): absent, the same strong tag, or exactly the date.

    A date is a strong validator here since two states of an image never share one (8.8.2.2).
    """
    if if_range is None:
        return True
    if if_range.startswith(('"', "W/")):
        return if_range == etag and not etag.startswith("W/")
    return last_modified is not None and parse_date(if_range) == last_modified
