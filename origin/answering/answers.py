"""Builds the answer to a request from a database row and the request's conditions: status, headers and byte range.

Pure functions, without framework, file and clock. Headers that depend only on the settings are made once, at start.
"""

from base64 import b64encode
from typing import NamedTuple

from origin.answering.byte_ranges import UnsatisfiableRangeError, select_range
from origin.answering.conditional_requests import not_modified, range_applies
from origin.answering.special_image import SpecialImage
from origin.model import ByteRange, FilePart, Found, Header, Lifetimes
from takedown_base.http.http_dates import format_date, whole_second_after

NOSNIFF: Header = ("X-Content-Type-Options", "nosniff")
_ACCEPT_RANGES: Header = ("Accept-Ranges", "bytes")
_NO_STORE: Header = ("Cache-Control", "no-store")

#: Lets a browser keep the image, and revalidate it each time: after a takedown it must not show its own copy.
_REVALIDATE: Header = ("Cache-Control", "public, no-cache")

#: Lets a browser show its copy until Expires. After that no cache may, not even one that is cut off from the edge
#: (RFC 9111, 5.2.2.2).
_UNTIL_EXPIRES: Header = ("Cache-Control", "public, must-revalidate")

_STATUS_LINES = {
    200: "200 OK",
    204: "204 No Content",
    206: "206 Partial Content",
    304: "304 Not Modified",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    410: "410 Gone",
    416: "416 Range Not Satisfiable",
    451: "451 Unavailable For Legal Reasons",
    500: "500 Internal Server Error",
    503: "503 Service Unavailable",
}

#: The statuses that an operator may choose for a banned image.
BANNED_STATUSES = (200, 404, 410, 451)


class Conditions(NamedTuple):
    """The headers of a request that decide its answer; None where absent."""

    if_none_match: str | None = None
    if_modified_since: str | None = None
    range: str | None = None  # None also for HEAD: GET is the only method that ranges are defined for (14.2)
    if_range: str | None = None


class ImageAnswer(NamedTuple):
    """An answer: status line, headers, and as its body ``text`` or a part of a file."""

    status: str
    headers: list[Header]
    text: bytes = b""
    file: FilePart | None = None


class _Representation(NamedTuple):
    """A representation with its validators and its headers for caches."""

    content_type: str
    size: int
    digest: str
    last_modified: int | None
    caching: list[Header]
    path: str | None = None


class Answers:
    """Makes answers of lookups, by the settings of one process."""

    def __init__(self, lifetimes: Lifetimes, banned_status: int, special: SpecialImage) -> None:
        """Make the headers that never change. ``banned_status`` is one of ``BANNED_STATUSES``."""
        self._lifetimes = lifetimes
        self._special = special
        self._banned_status = banned_status
        # Probes recognise the special image by them, as the proof in receipts.
        digest = b64encode(bytes.fromhex(special.digest)).decode()
        self._proof = [("Takedown-State", "banned"), ("Repr-Digest", f"sha-256=:{digest}:")]
        self._banned_headers = [
            ("Content-Type", special.content_type),
            ("Content-Length", str(len(special.body))),
            _REVALIDATE,
            _for_edge(lifetimes.full),
            NOSNIFF,
            *self._proof,
        ]
        self._full = _for_edge(lifetimes.full)
        self._unknown_headers = [("Cache-Control", "no-cache"), _for_edge(lifetimes.unknown)]
        self._brief_headers = [("Cache-Control", "no-cache"), _for_edge(lifetimes.undated)]

    def decide(self, found: Found, conditions: Conditions, now: float) -> ImageAnswer:
        """Make the answer. ``now`` is the origin's own clock, in seconds since 1970."""
        return _with_state(self._choose(found, conditions, now), found)

    def _choose(self, found: Found, conditions: Conditions, now: float) -> ImageAnswer:
        if found.banned:
            return self._banned(found, conditions, now)
        if found.content_type is None or found.size is None or found.digest is None:
            return self.unknown(found.owner)
        dated = last_modified(found, now)
        caching = self._caching(found, dated, now)
        shown = _Representation(found.content_type, found.size, found.digest, dated, caching, found.path)
        return _represent(shown, conditions)

    def unknown(self, owner: str | None = None) -> ImageAnswer:
        """Answer 404. The edge may keep it for a while, since importing the image purges it."""
        return message(404, "No such image.", [*self._unknown_headers, *_owned_by(owner)])

    def verdict(self, found: Found, code: str, now: float, expect: str | None = None) -> ImageAnswer:
        """Answer the edge's question whether a URL that shows this image may be shown: 204, or as for a banned image.

        The bytes are the site's, whose validators the edge takes: the date of the last change only makes theirs later.
        ``expect`` is the content that the origin has looked at, in the form of Takedown-Expect; None: nobody has.
        """
        if found.banned:
            answer = self._banned(found, Conditions(), now)
        else:
            dated = last_modified(found, now)
            headers = self._caching(found, dated, now)
            if dated is not None:
                headers.append(("Last-Modified", format_date(dated)))
            elif found.pending or found.changed_at is not None:
                headers.append(("Takedown-Dated", "no"))
            if expect is not None:
                headers.append(("Takedown-Expect", expect))
            answer = ImageAnswer(_STATUS_LINES[204], headers)
        answer.headers.append(("Takedown-Image", code))
        return _with_state(answer, found)

    def unruled(self, rule: str, *, brief: bool = False) -> ImageAnswer:
        """Answer 404 to such a question where no rule reads the URL (``none``), or none may (``unreadable``).

        ``brief``: the row by which a rule knows the image may come at any moment, without a purge.
        """
        headers = self._brief_headers if brief else self._unknown_headers
        return message(404, "No image by the site's rules.", [*headers, ("Takedown-Rule", rule)])

    def _banned(self, found: Found, conditions: Conditions, now: float) -> ImageAnswer:
        special, owner = self._special, _owned_by(found.owner)
        if self._banned_status == 200:
            dated = last_modified(found, now)
            caching = [_REVALIDATE, self._for_edge(found, dated, now), *owner, *self._proof]
            shown = _Representation(special.content_type, len(special.body), special.digest, dated, caching)
            return _represent(shown, conditions)
        # Conditions count only where the answer without them would be a success (13.2.1). The edge keeps it for the
        # full lifetime, since it never gets a date that would be worth a second fetch.
        return ImageAnswer(_STATUS_LINES[self._banned_status], [*self._banned_headers, *owner], special.body)

    def _caching(self, found: Found, dated: int | None, now: float) -> list[Header]:
        """Make the headers for caches, and the one that names the owner for the edge's bans by owner."""
        owner = _owned_by(found.owner)
        stable_until = None if found.stable_until is None else whole_second_after(found.stable_until)
        if stable_until is None or stable_until <= now:
            return [_REVALIDATE, self._for_edge(found, dated, now), *owner]
        # The edge must not send an Expires that has passed: it fetches the image again when that time comes.
        lifetime = min(self._lifetime(found, dated, now), max(1, int(stable_until - now)))
        return [_UNTIL_EXPIRES, ("Expires", format_date(stable_until)), _for_edge(lifetime), *owner]

    def _for_edge(self, found: Found, dated: int | None, now: float) -> Header:
        return self._full if dated is not None else _for_edge(self._lifetime(found, dated, now))

    def _lifetime(self, found: Found, dated: int | None, now: float) -> int:
        """Return for how long an edge may keep an image: until the date that it lacks is there.

        A date that lies days ahead (the database's clock was wrong, until `purger redate`) must not end caching.
        """
        if dated is not None:
            return self._lifetimes.full
        if found.pending:
            return self._lifetimes.undated
        if found.changed_at is None:
            # The date of an import is on its way. A site's own picture gets none until something changes it.
            return self._lifetimes.full if found.content_type is None else self._lifetimes.undated
        missing = whole_second_after(found.changed_at) - min(now, whole_second_after(found.read_at))
        return max(self._lifetimes.undated, min(self._lifetimes.full, int(missing)))


def _with_state(answer: ImageAnswer, found: Found) -> ImageAnswer:
    """Add what the edge has to know of every answer about an image, errors included.

    It compares Takedown-Seen with its marks and Takedown-Changed with its position, and keeps the digest for its bans
    by content: of the special image, too, since lifting such a ban purges it.
    """
    answer.headers.append(("Takedown-Seen", str(found.seen)))
    answer.headers.append(("Takedown-Changed", "pending" if found.pending else str(found.changed)))
    answer.headers.append(("Takedown-Digest", found.original or "none"))
    return answer


def last_modified(found: Found, now: float) -> int | None:
    """Compute Last-Modified, in whole seconds since 1970; None while it is not known.

    A change's time is rounded up to a second, and sent only after that second by the clocks of origin and database:
    before, another change could get the same date (and a date from the future must not be sent, 8.8.2.1). No date is
    sent either while a change waits for its number, since it has no time yet.
    """
    if found.changed_at is None or found.pending:
        return None
    seconds = whole_second_after(found.changed_at)
    return seconds if seconds < now and seconds < whole_second_after(found.read_at) else None


def message(status: int, text: str, headers: list[Header]) -> ImageAnswer:
    """Make an answer of plain text."""
    body = text.encode() + b"\n"
    return ImageAnswer(
        _STATUS_LINES[status],
        [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), NOSNIFF, *headers],
        body,
    )


def failure(status: int, text: str, *headers: Header) -> ImageAnswer:
    """Make an error of plain text, which no cache may keep."""
    return message(status, text, [_NO_STORE, *headers])


def _represent(shown: _Representation, conditions: Conditions) -> ImageAnswer:
    """Answer with a representation, or as the request's conditions demand: 206, 304 or 416."""
    etag = f'"{shown.digest}"'
    validators = [("ETag", etag)]
    if shown.last_modified is not None:
        validators.append(("Last-Modified", format_date(shown.last_modified)))
    if not_modified(conditions.if_none_match, conditions.if_modified_since, etag, shown.last_modified):
        return ImageAnswer(_STATUS_LINES[304], [*validators, *shown.caching, NOSNIFF])

    part = ByteRange(0, shown.size)
    status, content_range = 200, []
    if conditions.range is not None and range_applies(conditions.if_range, etag, shown.last_modified):
        try:
            selected = select_range(conditions.range, shown.size)
        except UnsatisfiableRangeError:
            return failure(416, "No such range.", _ACCEPT_RANGES, ("Content-Range", f"bytes */{shown.size}"))
        if selected is not None:
            status, part = 206, selected
            end = part.start + part.length - 1
            content_range = [("Content-Range", f"bytes {part.start}-{end}/{shown.size}")]
    headers = [
        ("Content-Type", shown.content_type),
        ("Content-Length", str(part.length)),
        *validators,
        *content_range,
        _ACCEPT_RANGES,
        NOSNIFF,
        *shown.caching,
    ]
    return ImageAnswer(_STATUS_LINES[status], headers, file=FilePart(shown.digest, shown.size, part, shown.path))


def _for_edge(seconds: int) -> Header:
    """Make the header with the edge's own lifetime, which browsers ignore (RFC 9213)."""
    return "CDN-Cache-Control", f"max-age={seconds}"


def _owned_by(owner: str | None) -> list[Header]:
    return [] if owner is None else [("Takedown-Owner", owner)]
