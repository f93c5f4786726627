"""Evaluates conditions by entity tag and date (RFC 9110, 8.8 and 13). No function raises, whatever a client sends."""

import re
from collections.abc import Iterator

from takedown_base.http.http_dates import parse_date

#: The pattern of an entity-tag (8.8.3): no controls, spaces and quotes; bytes above 127 are allowed.
_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST_ITEM = re.compile(rf"[ \t,]*(?P<tag>{_TAG})[ \t]*(?=,|$)")


def etag_matches(if_none_match: str, etag: str) -> bool:
    """Tell whether the list ``if_none_match`` names ``etag`` (quoted), by weak comparison (13.1.2).

    ``*`` names every tag. Of a malformed list the tags before the fault count.
    """
    if if_none_match == etag:  # the usual request of a browser or a cache
        return True
    wanted = etag.removeprefix("W/")
    return _is_any(if_none_match) or any(tag.removeprefix("W/") == wanted for tag in _tags(if_none_match))


def not_modified(
    if_none_match: str | None, if_modified_since: str | None, etag: str, last_modified: int | None
) -> bool:
    """Tell whether the answer to a GET or HEAD is 304.

    Beside If-None-Match the date is ignored, whether it matches or not (13.1.3). ``last_modified`` is in seconds since
    1970; None: the representation has no date, and no request's date matches.
    """
    if if_none_match is not None:
        return etag_matches(if_none_match, etag)
    if if_modified_since is None or last_modified is None:
        return False
    since = parse_date(if_modified_since)
    return since is not None and last_modified <= since


def range_applies(if_range: str | None, etag: str, last_modified: int | None) -> bool:
    """Tell whether If-Range allows a range (13.1.5): it is absent, the same strong tag, or exactly the date.

    A date is a strong validator here, since two states of an image never share one (8.8.2.2).
    """
    if if_range is None:
        return True
    if if_range.startswith(('"', "W/")):
        return if_range == etag and not etag.startswith("W/")
    return last_modified is not None and parse_date(if_range) == last_modified


def _is_any(tags: str) -> bool:
    return tags.strip(" \t") == "*"


def _tags(listed: str) -> Iterator[str]:
    """Read a list's tags, up to its first fault."""
    at = 0
    while item := _LIST_ITEM.match(listed, at):
        yield item["tag"]
        at = item.end()
