"""Requests one image from an edge's public listener, as a browser does, and judges the answers. Chooses no images.

Each request asks the edge to prove itself (``InstanceProof``): another server may answer at that URL.
"""

import hashlib
import http.client
import socket
import ssl
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol
from urllib.parse import quote

from purger.edge.connection import HttpConnection, Reply
from purger.edge.credentials import TlsFiles
from purger.edge.errors import UnreachableError
from purger.edge.instance_proof import HEADER, InstanceProof
from purger.edge.url import UnusableEdgeUrlError
from purger.model import Edge
from purger.probing.verdict import Verdict, judge
from takedown_base.printable import printable

#: The headers of each request.
_HEADERS = {"User-Agent": "edge-takedown-purger", "Accept": "*/*"}

#: Most connections kept, of a fleet whose URLs may change.
_CONNECTIONS = 256

#: The errors of failed requests, each with its reason in plain words. The first that matches holds.
_REASONS = (
    (ConnectionRefusedError, "connection refused"),
    (ssl.SSLCertVerificationError, "its certificate is not trusted"),
    (socket.gaierror, "unknown host"),
    (ssl.SSLError, "no TLS"),
    ((http.client.IncompleteRead, ConnectionError), "the answer broke off"),
    (http.client.HTTPException, "the answer is no HTTP"),
)

#: The reason why an answer without proof is none of this edge.
_NOT_THIS_EDGE = "not this edge: another edge or server, or a cache, answers at its public URL"


class ProbeTarget(NamedTuple):
    """An edge to probe, with the renditions that it knows besides the original; None: it names none."""

    edge: Edge
    renditions: Collection[str] | None = None
    proof: InstanceProof | None = None
    unknown: str = ""  # why there is no ``proof``, without which no answer counts as the edge's


class ProbedUrl(NamedTuple):
    """A URL of a site's own server, as the origin has recorded it."""

    host: str
    url: str  # path and query
    digest: str  # SHA-256 in hex


class ImageFiles(NamedTuple):
    """The files by which an image is known, and whether to request those that were imported."""

    digests: Mapping[str, str]  # SHA-256 in hex, by the rendition's name
    urls: Sequence[ProbedUrl] = ()
    imported: bool = True

    @property
    def all_digests(self) -> set[str]:
        """The SHA-256 of each file, in hex."""
        return {*self.digests.values(), *(url.digest for url in self.urls)}


class _Question(NamedTuple):
    """A URL to request: its name in answers, its path as it is sent, and its host; empty: that of the edge's URL."""

    name: str
    path: str
    host: str = ""


class AnswerBody(Protocol):
    """Takes the body of an answer, part by part, and knows its SHA-256 in the end."""

    def take(self, part: bytes) -> None:
        """Take the next part."""

    @property
    def digest(self) -> str:
        """The SHA-256 of all parts, in hex."""


class _HashedBody:
    """The SHA-256 of a body of which nothing is kept."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.take = self._hash.update

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


@dataclass(frozen=True, slots=True)
class RenditionAnswer:
    """The answer for one rendition. ``why`` says in words why it proves nothing; empty if it does."""

    rendition: str
    verdict: Verdict
    why: str
    status: int | None = None  # None: no answer
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case

    def text(self) -> str:
        """Return the answer in words; nothing if the image was gone or shown."""
        if self.verdict in (Verdict.UNREACHABLE, Verdict.ELSEWHERE):
            return self.why
        if self.verdict is Verdict.FAILING:
            return f"the edge answered {self.status}"
        return f"{self.status} for {printable(self.rendition)}: {self.why}" if self.why else ""


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """The answers for one image, whose worst ``verdict`` holds. ``served`` names the renditions that were shown.

    Names are printable: without names from the edge they come from rows, whose checks a session may have switched off.
    """

    verdict: Verdict
    status: int | None  # of the first answer with that verdict; None: no answer
    said: str = ""  # the answer in words, unless the image was gone or shown
    served: tuple[str, ...] = ()
    fetched: bool = False  # the edge had what it showed from its origin just then, and no longer in its cache

    @property
    def silent(self) -> bool:
        """True if the edge said nothing about the image: it gave no answer, or 5xx, or another server answered."""
        return self.verdict in (Verdict.UNREACHABLE, Verdict.FAILING, Verdict.ELSEWHERE)


class Probe:
    """Requests images at any edge's public listener; for one thread."""

    def __init__(self, *, connect_timeout: float = 1.0, read_timeout: float = 5.0, longest: float = 20.0) -> None:
        """Set the time-outs in seconds; ``longest`` is for one whole answer, ``read_timeout`` for each read of it."""
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._longest = longest
        self._connections: dict[str, HttpConnection] = {}  # by public URL

    def request(self, target: ProbeTarget, code: str, files: ImageFiles) -> ProbeAnswer:
        """Request URLs of a site's own server, the original of ``code`` and all other renditions that the edge knows.

        If the edge names no renditions, those of ``files`` are requested. A URL shows the image when the body is any of
        its files.
        """
        asked = [_Question(url.host + url.url, url.url, url.host) for url in files.urls]
        if files.imported:
            asked += _renditions(code, files.digests if target.renditions is None else target.renditions)
        answers = list(self._answers(target, asked, files.all_digests))
        worst = max(answers, key=lambda answer: answer.verdict)
        shown = [each for each in answers if each.verdict in (Verdict.SHOWN, Verdict.SHOWN_ELSEWHERE)]
        served = tuple(printable(each.rendition) for each in shown)
        fetched = all("fwd=" in each.headers.get("cache-status", "") for each in shown)
        return ProbeAnswer(worst.verdict, worst.status, worst.text(), served, fetched)

    def renditions(
        self,
        target: ProbeTarget,
        code: str,
        names: Iterable[str],
        digests: Mapping[str, str],
        new_body: Callable[[], AnswerBody] = _HashedBody,
    ) -> Iterator[RenditionAnswer]:
        """Request the original of ``code`` and renditions by their names, one after the other, and yield each answer.

        Ends with the first that is unreachable: each further request would wait for the same time-out. ``new_body`` is
        called before each request, for what takes its body.
        """
        yield from self._answers(target, _renditions(code, names), digests.values(), new_body)

    def _answers(
        self,
        target: ProbeTarget,
        asked: Iterable[_Question],
        digests: Collection[str],
        new_body: Callable[[], AnswerBody] = _HashedBody,
    ) -> Iterator[RenditionAnswer]:
        for name, path, host in asked:
            body = new_body()
            question = target.proof.question() if target.proof else ""
            try:
                reply = self._fetch(target.edge, path, host, question, body)
            except UnreachableError as error:
                yield RenditionAnswer(name, Verdict.UNREACHABLE, str(error))
                return
            elsewhere = _not_proven(target, question, reply)
            if elsewhere:
                # A new connection may lead to another of the servers behind this name.
                self._connections[target.edge.public_url].close()
            verdict, why = judge(reply.status, reply.headers, body.digest, digests, elsewhere=elsewhere)
            yield RenditionAnswer(name, verdict, why, reply.status, reply.headers)

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def _fetch(self, edge: Edge, path: str, host: str, question: str, body: AnswerBody) -> Reply:
        connection = self._connections.get(edge.public_url) or self._new_connection(edge)
        try:
            connection.connect()
        except TimeoutError as error:
            raise UnreachableError("no connection in time") from error
        except (OSError, ValueError) as error:
            raise UnreachableError(_failure_reason(error)) from error
        began = time.monotonic()
        try:
            headers = _HEADERS | ({HEADER: question} if question else {}) | ({"Host": host} if host else {})
            return connection.request("GET", path, headers, sink=body.take)
        except TimeoutError as error:
            if time.monotonic() - began < self._longest:
                raise UnreachableError("no answer in time") from error
            raise UnreachableError(f"no end of the answer within {self._longest:g} s") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise UnreachableError(_failure_reason(error)) from error

    def _new_connection(self, edge: Edge) -> HttpConnection:
        if len(self._connections) >= _CONNECTIONS:
            self.close()
        self._connections[edge.public_url] = connection = HttpConnection(
            edge.public_url,
            TlsFiles(edge.ca_file, and_system=True),
            connect_timeout=self._connect_timeout,
            read_timeout=self._longest,
            idle_timeout=self._read_timeout,
        )
        return connection


def _renditions(code: str, names: Iterable[str]) -> list[_Question]:
    return [_Question(name, quote(path_of(code, name))) for name in dict.fromkeys(("original", *names))]


def path_of(code: str, rendition: str) -> str:
    """Return the path of a rendition in the URLs of the site, not quoted."""
    return f"/images/{code}" if rendition == "original" else f"/images/{code}/{rendition}"


def _not_proven(target: ProbeTarget, question: str, reply: Reply) -> str:
    """Say why a reply is not proven to be of the edge; nothing if it is."""
    if target.proof is None:
        return f"not known to be this edge: {target.unknown}"
    return "" if reply.headers.get(HEADER.lower()) == target.proof.answer(question) else _NOT_THIS_EDGE


def _failure_reason(error: Exception) -> str:
    """Name a failed request in a few words."""
    if isinstance(error, UnusableEdgeUrlError):
        return str(error)
    known = next((reason for kind, reason in _REASONS if isinstance(error, kind)), None)
    return known or getattr(error, "strerror", None) or type(error).__name__
