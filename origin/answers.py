"""What the origin answers: a row of the database and a request's conditions become status, headers and a byte range.

Pure functions with no framework, no file and no clock of their own in them. The headers that depend on nothing but the
settings are made once, at start; a request only chooses.
"""

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from origin.dates import format_date, whole_second_after
from origin.ranges import ByteRange, UnsatisfiableRangeError, select_range
from origin.special import SpecialImage
from origin.validators import not_modified, precondition_fails, range_applies

Header = tuple[str, str]

NOSNIFF: Header = ("X-Content-Type-Options", "nosniff")
_ACCEPT_RANGES: Header = ("Accept-Ranges", "bytes")
_NO_STORE: Header = ("Cache-Control", "no-store")
# A browser may keep the image but asks each time: after a takedown it must not show its own copy.
_ASK_EACH_TIME: Header = ("Cache-Control", "public, no-cache")
# Past Expires no cache may show it without asking, not even one that is cut off from the edge (RFC 9111, 5.2.2.2).
_KEEP: Header = ("Cache-Control", "public, must-revalidate")

_STATUS_LINES = {
    200: "200 OK",
    206: "206 Partial Content",
    304: "304 Not Modified",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    410: "410 Gone",
    412: "412 Precondition Failed",
    416: "416 Range Not Satisfiable",
    451: "451 Unavailable For Legal Reasons",
    500: "500 Internal Server Error",
    503: "503 Service Unavailable",
}
BANNED_STATUSES = (200, 404, 410, 451)


class Found(NamedTuple):
    """The row that lookup.sql answers, its columns in their order. Times are UTC and have no zone attached."""

    content_type: str | None
    size: int | None
    digest: str | None
    owner: str | None
    stable_until: datetime | None
    banned: int
    pending: int
    changed_at: datetime | None
    read_at: datetime
    seen: int  # number of the last batch in the lookup's own snapshot
    read_only: int = 0  # the server was demoted and may be behind
    changed: int = 0  # number of the batch of the last change of the image or its owner


class Conditions(NamedTuple):
    """What of a request decides its answer: the values of these headers, None where absent."""

    if_none_match: str | None = None
    if_modified_since: str | None = None
    range: str | None = None  # None also for HEAD: GET is the only method that ranges are defined for (14.2)
    if_range: str | None = None
    if_match: str | None = None
    if_unmodified_since: str | None = None


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long the edge keeps an answer, in seconds."""

    full: int
    unknown: int
    undated: int


class FilePart(NamedTuple):
    """A part of the file (or the special image) with this digest, which has to have this size in bytes."""

    digest: str
    size: int
    part: ByteRange


class Answer(NamedTuple):
    """What to send: status line, headers, and as the body ``text`` or else a part of a file."""

    status: str
    headers: list[Header]
    text: bytes = b""
    file: FilePart | None = None


class _Represented(NamedTuple):
    """A representation that has validators, and the headers that are its own."""

    content_type: str
    size: int
    digest: str
    last_modified: int | None
    caching: list[Header]


class Answers:
    """Decides, by the settings, what a lookup means for a request."""

    def __init__(self, lifetimes: Lifetimes, banned_status: int, special: SpecialImage):
        """``banned_status`` is one of ``BANNED_STATUSES``."""
        self._lifetimes = lifetimes
        self._special = special
        self._banned_status = banned_status
        # Headers of a special image alone, for whoever has to tell that an image is gone.
        digest = b64encode(bytes.fromhex(special.digest)).decode()
        self._proof = [("Takedown-State", "banned"), ("Repr-Digest", f"sha-256=:{digest}:")]
        self._banned_headers = [
            ("Content-Type", special.content_type),
            ("Content-Length", str(len(special.body))),
            _ASK_EACH_TIME,
            _for_edge(lifetimes.full),
            NOSNIFF,
            *self._proof,
        ]
        self._full = _for_edge(lifetimes.full)
        self._undated = _for_edge(lifetimes.undated)
        self._unknown_headers = [("Cache-Control", "no-cache"), _for_edge(lifetimes.unknown)]

    def decide(self, found: Found, conditions: Conditions, now: float) -> Answer:
        """Decide what to send. ``now`` is the origin's own clock, in seconds since 1970."""
        answer = self._choose(found, conditions, now)
        # Also on errors: the edge holds the one against its marks, and the other against its position.
        answer.headers.append(("Takedown-Seen", str(found.seen)))
        answer.headers.append(("Takedown-Changed", "pending" if found.pending else str(found.changed)))
        return answer

    def _choose(self, found: Found, conditions: Conditions, now: float) -> Answer:
        if found.banned:
            return self._banned(found, conditions, now)
        if found.content_type is None or found.size is None or found.digest is None:
            return self.unknown(found.owner)
        dated = last_modified(found, now)
        caching = self._caching(found, dated, now)
        return _represent(_Represented(found.content_type, found.size, found.digest, dated, caching), conditions)

    def unknown(self, owner: str | None = None) -> Answer:
        """404. Adding the image purges it, so the edge may keep it for a while."""
        return message(404, "No such image.", [*self._unknown_headers, *_owned_by(owner)])

    def _banned(self, found: Found, conditions: Conditions, now: float) -> Answer:
        special, owner = self._special, _owned_by(found.owner)
        if self._banned_status == 200:
            dated = last_modified(found, now)
            caching = [_ASK_EACH_TIME, self._undated if dated is None else self._full, *owner, *self._proof]
            shown = _Represented(special.content_type, len(special.body), special.digest, dated, caching)
            return _represent(shown, conditions)
        # Conditions count only where the answer without them would be a success (13.2.1). Such an answer never gets a
        # date, so there is none to wait for.
        return Answer(_STATUS_LINES[self._banned_status], [*self._banned_headers, *owner], special.body)

    def _caching(self, found: Found, dated: int | None, now: float) -> list[Header]:
        """Headers for caches, and the owner for the edge's bans by owner."""
        owner = _owned_by(found.owner)
        stable_until = None if found.stable_until is None else whole_second_after(found.stable_until)
        if stable_until is None or stable_until <= now:
            return [_ASK_EACH_TIME, self._undated if dated is None else self._full, *owner]
        # The edge must not hand out an Expires that has passed: it fetches again when the image stops being stable.
        longest = self._lifetimes.undated if dated is None else self._lifetimes.full
        lifetime = min(longest, max(1, int(stable_until - now)))
        return [_KEEP, ("Expires", format_date(stable_until)), _for_edge(lifetime), *owner]


def last_modified(found: Found, now: float) -> int | None:
    """When what the URL shows last changed, in whole seconds since 1970; None while that cannot be said.

    A change's time is rounded up, so it is told only when that second has begun by both clocks: until then another
    change could get the same date (and a date from the future must not be sent, 8.8.2.1). Nor is it told while a change
    waits for its number, that is for its time.
    """
    if found.changed_at is None or found.pending:
        return None
    seconds = whole_second_after(found.changed_at)
    return seconds if seconds < now and seconds < whole_second_after(found.read_at) else None


def message(status: int, text: str, headers: list[Header]) -> Answer:
    """An answer in words."""
    body = text.encode() + b"\n"
    return Answer(
        _STATUS_LINES[status],
        [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), NOSNIFF, *headers],
        body,
    )


def failure(status: int, text: str, *headers: Header) -> Answer:
    """An error, that no cache may keep (and the edge is told nothing of a lifetime)."""
    return message(status, text, [_NO_STORE, *headers])


def _represent(shown: _Represented, conditions: Conditions) -> Answer:
    etag = f'"{shown.digest}"'
    validators = [("ETag", etag)]
    if shown.last_modified is not None:
        validators.append(("Last-Modified", format_date(shown.last_modified)))
    if precondition_fails(conditions.if_match, conditions.if_unmodified_since, etag, shown.last_modified):
        return failure(412, "The image is not the one that was meant.", *validators)
    if not_modified(conditions.if_none_match, conditions.if_modified_since, etag, shown.last_modified):
        return Answer(_STATUS_LINES[304], [*validators, *shown.caching, NOSNIFF])

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
    return Answer(_STATUS_LINES[status], headers, file=FilePart(shown.digest, shown.size, part))


def _for_edge(seconds: int) -> Header:
    """The edge's own lifetime, apart from what browsers are told (RFC 9213)."""
    return "CDN-Cache-Control", f"max-age={seconds}"


def _owned_by(owner: str | None) -> list[Header]:
    return [] if owner is None else [("Takedown-Owner", owner)]
