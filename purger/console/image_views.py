"""Requests the renditions of an image at the edges' public listeners, and judges the answers as probes do."""

import http.client
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import quote

from purger.console.pictures import Body, Pictures
from purger.edge.connection import HttpConnection
from purger.edge.credentials import CredentialError, TlsFiles
from purger.probing.probe import failure_reason
from purger.probing.verdict import Proof, judge

#: Threads that request pictures for all viewers together.
_THREADS = 4

#: Seconds for a connection, for each read of an answer, for a whole answer, and for all answers of one page.
_CONNECT, _READ, _WHOLE, _PAGE = 1.0, 2.0, 5.0, 6.0

#: Edges that one page shows.
EDGES = 12

_HEADERS = {"User-Agent": "edge-takedown-purger", "Accept": "*/*"}

#: The state of an answer by its proof, in a word that pages show.
_STATES = {
    Proof.SHOWN: "shown",
    Proof.GONE: "gone",
    Proof.FOREIGN: "other bytes",
    Proof.FAILING: "failing",
    Proof.UNPROVEN: "unproven",
}

_LATE = "no answer in time"


@dataclass(frozen=True, slots=True)
class DoorEdge:
    """An edge, as far as its public listener is concerned."""

    name: str
    public_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The answer of one edge for one rendition."""

    rendition: str
    url: str
    state: str  # shown, gone, not there, other bytes, failing, unproven, unreachable
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

    edge: DoorEdge
    code: str
    names: Sequence[str]
    image: Collection[str]  # digests of all its renditions
    until: float  # the moment of the monotonic clock after which nothing is requested

    def url(self, name: str) -> str:
        return self.edge.public_url.rstrip("/") + self.path(name)

    def path(self, name: str) -> str:
        return f"/images/{self.code}" if name == "original" else f"/images/{self.code}/{name}"

    def silent(self, name: str, said: str) -> Door:
        return Door(rendition=name, url=self.url(name), state="unreachable", said=said)


class Doors:
    """Requests renditions, a few at a time for all viewers together."""

    def __init__(self) -> None:
        self.pictures = Pictures()
        self._closed = False
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="console door")

    def request(self, edges: Sequence[DoorEdge], code: str, digests: Mapping[str, str]) -> list[list[Door]]:
        """Request the original and all renditions of ``digests`` (SHA-256 in hex, by name) from each edge, in order."""
        names = list(dict.fromkeys(("original", *digests)))
        until = time.monotonic() + _PAGE
        visits = [_Visit(edge, code, names, digests.values(), until) for edge in edges]
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

    def _visit(self, visit: _Visit) -> list[Door]:
        found: list[Door] = []
        connection = HttpConnection(
            visit.edge.public_url,
            TlsFiles(None, None, None),
            connect_timeout=_CONNECT,
            read_timeout=_WHOLE,
            idle_timeout=_READ,
        )
        with closing(connection):
            for name in visit.names:
                # An edge that gave no answer gives none for the next rendition either, and would take as long.
                if found and found[-1].state == "unreachable":
                    found.append(visit.silent(name, found[-1].said))
                elif self._closed or time.monotonic() > visit.until:
                    found.append(visit.silent(name, _LATE))
                else:
                    found.append(self._request(connection, visit, name))
        return found

    def _request(self, connection: HttpConnection, visit: _Visit, name: str) -> Door:
        body = Body()
        try:
            connection.connect()
            reply = connection.request("GET", quote(visit.path(name)), _HEADERS, sink=body.take)
        except TimeoutError:
            return visit.silent(name, _LATE)
        except (OSError, ValueError, CredentialError, http.client.HTTPException) as error:
            return visit.silent(name, failure_reason(error))
        proof, why = judge(reply.status, reply.headers, body.digest, visit.image)
        picture = body.picture(reply.headers)
        if picture is not None:
            self.pictures.keep(body.digest, picture)
        return Door(
            rendition=name,
            url=visit.url(name),
            state="not there" if proof is Proof.UNPROVEN and reply.status == 404 else _STATES[proof],
            said=why if proof is not Proof.UNPROVEN or reply.status != 404 else "",
            status=reply.status,
            cached=_cached(reply.headers.get("cache-status", "")),
            picture=body.digest if picture is not None else None,
        )


def _cached(status: str) -> str:
    """Read from Cache-Status (RFC 9211) whether the answer came out of the edge's cache."""
    parameters = {part.strip().lower() for part in status.rpartition(",")[2].split(";")[1:]}
    return "hit" if "hit" in parameters else "miss" if parameters else ""
