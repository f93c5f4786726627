"""Requests the renditions of an image at the edges' public listeners, and judges the answers as probes do.

The pictures are kept in memory, as many as fit into a limit, so that pages show what each edge answered.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple

from purger.model import Edge
from purger.probing.probe import Probe, RenditionAnswer, path_of
from purger.probing.targets import ask_target
from purger.probing.verdict import Verdict

#: Bytes of the largest picture that is shown, and of all that are kept.
LARGEST_PICTURE = 4 * 2**20
_KEPT = 16 * 2**20

#: Types of pictures that are shown. An SVG runs no script where a page shows it as an image, and is sent with a policy
#: that forbids all else where it is opened by itself.
_PICTURE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/svg+xml"})


class Picture(NamedTuple):
    """A picture that an edge has answered with."""

    content_type: str
    content: bytes


class Pictures:
    """The pictures that are shown now, by their SHA-256; the oldest make room. For several threads."""

    def __init__(self, most: int = _KEPT) -> None:
        """Keep so many bytes at most."""
        self._most = most
        self._bytes = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Picture] = OrderedDict()

    def keep(self, digest: str, picture: Picture) -> None:
        """Keep a picture as the newest."""
        with self._lock:
            former = self._kept.pop(digest, None)
            self._kept[digest] = picture
            self._bytes += len(picture.content) - (len(former.content) if former else 0)
            while self._bytes > self._most:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= len(oldest.content)

    def find(self, digest: str) -> Picture | None:
        """Return a picture that is kept."""
        with self._lock:
            return self._kept.get(digest)


class Body:
    """The body of an answer, as it comes: its SHA-256, and its bytes unless it is too large to show."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._parts: list[bytes] = []
        self.size = 0

    def take(self, part: bytes) -> None:
        """Take the next part."""
        self._hash.update(part)
        self.size += len(part)
        if self.size <= LARGEST_PICTURE:
            self._parts.append(part)
        else:
            self._parts.clear()

    @property
    def digest(self) -> str:
        """The SHA-256 of all parts, in hex."""
        return self._hash.hexdigest()

    def picture(self, headers: Mapping[str, str]) -> Picture | None:
        """Return the picture. None: it is empty, too large, or of no type that is shown."""
        content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type not in _PICTURE_TYPES or not 0 < self.size <= LARGEST_PICTURE or "content-encoding" in headers:
            return None
        return Picture(content_type, b"".join(self._parts))


#: Threads that request pictures for all viewers together.
_THREADS = 4

#: Seconds for a connection, for each read of an answer, for a whole answer, and for all answers of one page.
_CONNECT, _READ, _WHOLE, _PAGE = 1.0, 2.0, 5.0, 6.0

#: Edges that one page shows.
EDGES = 12

#: The state of an answer by its proof, in a word that pages show.
_STATES = {
    Verdict.SHOWN: "shown",
    Verdict.GONE: "gone",
    Verdict.ELSEWHERE: "not this edge",
    Verdict.SHOWN_ELSEWHERE: "shown",
    Verdict.FOREIGN: "other bytes",
    Verdict.FAILING: "failing",
    Verdict.UNREACHABLE: "unreachable",
    Verdict.UNPROVEN: "unproven",
}

_LATE = "no answer in time"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageView:
    """The answer of one edge for one rendition."""

    rendition: str
    url: str
    state: str  # shown, gone, not there, other bytes, not this edge, failing, unproven, unreachable
    said: str = ""
    status: int | None = None
    cached: str = ""  # hit or miss, as Cache-Status says
    picture: str | None = None  # SHA-256 of the picture to show

    @property
    def style(self) -> str:
        """The state as a class of styles."""
        return self.state.replace(" ", "-")


@dataclass(frozen=True, slots=True)
class _Visit:
    """One image to request at an edge."""

    edge: Edge
    code: str
    names: Sequence[str]
    digests: Mapping[str, str]  # SHA-256 in hex of all its renditions, by name
    until: float  # a time of the monotonic clock, after which nothing is requested

    def url(self, name: str) -> str:
        return self.edge.public_url.rstrip("/") + path_of(self.code, name)

    def silent(self, name: str, said: str) -> ImageView:
        return ImageView(rendition=name, url=self.url(name), state="unreachable", said=said)


class ImageViews:
    """Requests renditions, a few at a time for all viewers together."""

    def __init__(self) -> None:
        self.pictures = Pictures()
        self._closed = False
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="console view")

    def request(self, edges: Sequence[Edge], code: str, digests: Mapping[str, str]) -> list[list[ImageView]]:
        """Request the original and all renditions of ``digests`` (SHA-256 in hex, by name) from each edge, in order."""
        names = list(dict.fromkeys(("original", *digests)))
        until = time.monotonic() + _PAGE
        visits = [_Visit(edge, code, names, digests, until) for edge in edges]
        futures = [self._pool.submit(self._visit, visit) for visit in visits]
        wait(futures, timeout=_PAGE)
        answers = []
        for visit, future in zip(visits, futures, strict=True):
            done = not future.cancel() and future.done()
            answers.append(future.result() if done else [visit.silent(name, _LATE) for name in names])
        return answers

    def close(self) -> None:
        """Begin no further request. The process waits for the present ones: some seconds at most."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _visit(self, visit: _Visit) -> list[ImageView]:
        found: list[ImageView] = []
        bodies: list[Body] = []

        def new_body() -> Body:
            bodies.append(Body())
            return bodies[-1]

        with closing(Probe(connect_timeout=_CONNECT, read_timeout=_READ, longest=_WHOLE)) as probe:
            target = ask_target(visit.edge)
            for answer in probe.renditions(target, visit.code, visit.names, visit.digests, new_body):
                found.append(self._view(visit, answer, bodies[-1]))
                if self._closed or time.monotonic() > visit.until:
                    break
        # An edge that gave no answer would not answer for the next rendition either, and would take as long.
        said = found[-1].said if found[-1].state == "unreachable" else _LATE
        return found + [visit.silent(name, said) for name in visit.names[len(found) :]]

    def _view(self, visit: _Visit, answer: RenditionAnswer, body: Body) -> ImageView:
        picture = body.picture(answer.headers)
        if picture is not None:
            self.pictures.keep(body.digest, picture)
        missing = answer.verdict is Verdict.UNPROVEN and answer.status == HTTPStatus.NOT_FOUND
        return ImageView(
            rendition=answer.rendition,
            url=visit.url(answer.rendition),
            state="not there" if missing else _STATES[answer.verdict],
            said="" if missing else answer.why,
            status=answer.status,
            cached=_cached(answer.headers.get("cache-status", "")),
            picture=body.digest if picture is not None else None,
        )


def _cached(status: str) -> str:
    """Read from Cache-Status (RFC 9211) whether the answer came out of the edge's cache."""
    parameters = {part.strip().lower() for part in status.rpartition(",")[2].split(";")[1:]}
    return "hit" if "hit" in parameters else "miss" if parameters else ""
