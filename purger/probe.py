"""Requests images from an edge's public listener, as a browser would, and judges what comes."""

import hashlib
import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

from purger.credentials import TlsFiles
from purger.edge_url import UnusableEdgeUrlError
from purger.errors import UnreachableError
from purger.link import Link
from purger.model import Edge, Row, Sighting, sighting_of
from purger.wire import Wire

_HEADERS = {"User-Agent": "edge-takedown-purger", "Accept": "*/*"}

#: Connections kept, of a fleet whose URLs may change.
_CONNECTIONS = 256

#: Images requested for a ban of an owner.
IMAGES_OF_AN_OWNER = 3

#: Failed requests, and their reasons in plain words. The first that matches holds.
_REASONS = (
    (ConnectionRefusedError, "connection refused"),
    (ssl.SSLCertVerificationError, "its certificate is not trusted"),
    (socket.gaierror, "unknown host"),
    (ssl.SSLError, "no TLS"),
    ((http.client.IncompleteRead, ConnectionError), "the answer broke off"),
    (http.client.HTTPException, "the answer is no HTTP"),
)

#: Notes on rows that no later look can tell more of.
LIFTED = "the ban was lifted before"
CHANGED = "what it covers changed before"
NO_IMAGES = "no images"


@dataclass(frozen=True, slots=True)
class Look:
    """The answers for one code. ``served`` names the renditions whose URL showed the image."""

    status: int  # of the first that was served, otherwise of the original's URL
    served: tuple[str, ...]
    failing: int | None = None  # the first status of 5xx: it tells nothing of the image


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of looking for one row of the outbox at one edge."""

    sighting: Sighting
    code: str | None = None  # of the image that was shown although it is banned
    served: tuple[str, ...] = ()  # its renditions
    again: bool = False  # nothing was seen, and a later look may see more
    parts: tuple[Sighting, ...] = ()  # of a ban on an owner: what was seen of each image


class Probe:
    """Requests images at any edge's public listener; for one thread."""

    def __init__(self, *, connect_timeout: float = 1.0, read_timeout: float = 5.0, longest: float = 20.0) -> None:
        """Time-outs in seconds; ``longest`` bounds one whole answer, ``read_timeout`` each read of it."""
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._longest = longest
        self._wires: dict[str, Wire] = {}  # by public URL

    def look(self, public_url: str, code: str, digests: Mapping[str, str]) -> Look:
        """Ask for ``code`` in the renditions that ``digests`` (SHA-256 in hex, by name) has, and the original's URL.

        A URL shows the image when the body is any of its renditions. Raises ``UnreachableError``.
        """
        first = failing = None
        served: dict[str, int] = {}
        for name in dict.fromkeys(("original", *digests)):
            path = f"/images/{code}" if name == "original" else f"/images/{code}/{name}"
            status, digest = self._fetch(public_url, path)
            first = first or status
            if status >= 500:
                failing = failing or status
            if digest in digests.values():
                served[name] = status
        return Look(next(iter(served.values()), first or 0), tuple(served), failing)

    def close(self) -> None:
        """Close all connections."""
        for wire in self._wires.values():
            wire.close()
        self._wires.clear()

    def _fetch(self, url: str, path: str) -> tuple[int, str]:
        wire = self._wires.get(url) or self._new_wire(url)
        try:
            wire.connect()
        except TimeoutError as error:
            raise UnreachableError("no connection in time") from error
        except (OSError, ValueError) as error:
            raise UnreachableError(_reason(error)) from error
        digest = hashlib.sha256()
        began = time.monotonic()
        try:
            reply = wire.request("GET", quote(path), _HEADERS, sink=digest.update)
        except TimeoutError as error:
            if time.monotonic() - began < self._longest:
                raise UnreachableError("no answer in time") from error
            raise UnreachableError(f"no end of the answer within {self._longest:g} s") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise UnreachableError(_reason(error)) from error
        return reply.status, digest.hexdigest()

    def _new_wire(self, url: str) -> Wire:
        if len(self._wires) >= _CONNECTIONS:
            self.close()
        self._wires[url] = wire = Wire(
            *(url, TlsFiles(None, None, None)), connect_timeout=self._connect_timeout, read_timeout=self._longest,
            idle_timeout=self._read_timeout,
        )  # fmt: skip
        return wire


def look_at(link: Link, probe: Probe, edge: Edge, row: Row, *, code: str | None = None) -> Finding:
    """Look whether what ``row`` purged is gone at ``edge``, which has acknowledged it.

    Of an owner's images ``code`` is requested, or the first few. An image that is shown is only held against the edge
    while the row's own ban stands and nothing that could bring the image back was written since the row. Raises
    ``DatabaseUnavailableError``.
    """
    codes = [code] if code is not None else codes_to_look_at(link, row.scope, row.subject)
    if not codes:
        return _unseen(edge, row, NO_IMAGES)
    whole, notes, parts = None, list[str](), list[Sighting]()
    for code in codes:
        try:
            look = probe.look(edge.public_url, code, dict(link.rows("digests", code=code)))
        except UnreachableError as error:
            return _unseen(edge, row, f"unreachable: {error}", again=True)
        if look.served:
            if note := _excuse(link, row, code):
                notes.append(note)
                continue
            shown = sighting_of(edge, row, at=time.time(), status=look.status, gone=False)
            parts.append(replace(shown, code=code))
            return Finding(shown, code, look.served, parts=_parts(row, parts))
        if look.failing is not None:
            return _unseen(edge, row, f"the edge answered {look.failing}", again=True)
        whole = sighting_of(edge, row, at=time.time(), status=look.status, gone=True)
        parts.append(replace(whole, code=code))
    if whole is None:
        return _unseen(edge, row, notes[0])
    return Finding(whole, parts=_parts(row, parts))


def codes_to_look_at(link: Link, scope: str, subject: str) -> list[str]:
    """Choose the codes to request for a ban: its own, or the first few of an owner."""
    if scope == "image":
        return [subject]
    return [code for (code,) in link.rows("images_of", owner=subject, after="", limit=IMAGES_OF_AN_OWNER)]


def _parts(row: Row, seen: list[Sighting]) -> tuple[Sighting, ...]:
    """Give what was seen of each image; of a ban on one image the sighting itself says it."""
    return tuple(seen) if row.scope == "owner" else ()


def _excuse(link: Link, row: Row, code: str) -> str | None:
    """Say why an edge may show ``code`` after it has acknowledged ``row``; None when it may not.

    Read after the look: a lift that the edge has heard of is committed.
    """
    found = link.rows("ban_holds", invalidation=row.id, code=code)
    if not found:
        return "its row has left the outbox"
    stands, changed = found[0]
    if not stands:
        return LIFTED
    return CHANGED if changed else None


def _unseen(edge: Edge, row: Row, note: str, *, again: bool = False) -> Finding:
    return Finding(sighting_of(edge, row, note=note), again=again)


def _reason(error: Exception) -> str:
    """Name a failed request in a few words."""
    if isinstance(error, UnusableEdgeUrlError):
        return str(error)
    known = next((reason for kind, reason in _REASONS if isinstance(error, kind)), None)
    return known or getattr(error, "strerror", None) or type(error).__name__
