"""Requests one image from an edge's public listener, as a browser would, and judges the answers. Chooses no images."""

import hashlib
import http.client
import socket
import ssl
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

from purger.edge.connection import HttpConnection, Reply
from purger.edge.credentials import TlsFiles
from purger.edge.errors import UnreachableError
from purger.edge.url import UnusableEdgeUrlError
from purger.probing.verdict import Proof, judge
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


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """The answers for one image, whose largest ``proof`` holds. ``served`` names the renditions that were shown.

    Names are printable: without names from the edge they come from rows, whose checks a session may have switched off.
    """

    proof: Proof
    status: int  # of the first answer with that proof
    said: str = ""  # the answer in words, unless the image was gone or shown
    served: tuple[str, ...] = ()


class Probe:
    """Requests images at any edge's public listener; for one thread."""

    def __init__(self, *, connect_timeout: float = 1.0, read_timeout: float = 5.0, longest: float = 20.0) -> None:
        """Set the time-outs in seconds; ``longest`` is for one whole answer, ``read_timeout`` for each read of it."""
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._longest = longest
        self._connections: dict[str, HttpConnection] = {}  # by public URL

    def request(
        self, public_url: str, code: str, digests: Mapping[str, str], renditions: Collection[str] | None = None
    ) -> ProbeAnswer:
        """Request the original of ``code`` and its ``renditions``: all others that the edge knows.

        None: the edge names none, and those of ``digests`` (SHA-256 in hex, by name) are requested. A URL shows the
        image when the body is any of its renditions. Raises ``UnreachableError``.
        """
        others = digests if renditions is None else renditions
        answers = [self._request(public_url, code, name, digests) for name in dict.fromkeys(("original", *others))]
        served = tuple(name for answer in answers for name in answer.served)
        return replace(max(answers, key=lambda answer: answer.proof), served=served)

    def _request(self, public_url: str, code: str, name: str, digests: Mapping[str, str]) -> ProbeAnswer:
        path = f"/images/{code}" if name == "original" else f"/images/{code}/{name}"
        reply, digest = self._fetch(public_url, path)
        proof, why = judge(reply.status, reply.headers, digest, digests.values())
        shown = printable(name)
        said = f"{reply.status} for {shown}: {why}" if why else ""
        if proof is Proof.FAILING:
            said = f"the edge answered {reply.status}"
        return ProbeAnswer(proof, reply.status, said, (shown,) if proof is Proof.SHOWN else ())

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def _fetch(self, url: str, path: str) -> tuple[Reply, str]:
        connection = self._connections.get(url) or self._new_connection(url)
        try:
            connection.connect()
        except TimeoutError as error:
            raise UnreachableError("no connection in time") from error
        except (OSError, ValueError) as error:
            raise UnreachableError(failure_reason(error)) from error
        digest = hashlib.sha256()
        began = time.monotonic()
        try:
            reply = connection.request("GET", quote(path), _HEADERS, sink=digest.update)
        except TimeoutError as error:
            if time.monotonic() - began < self._longest:
                raise UnreachableError("no answer in time") from error
            raise UnreachableError(f"no end of the answer within {self._longest:g} s") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise UnreachableError(failure_reason(error)) from error
        return reply, digest.hexdigest()

    def _new_connection(self, url: str) -> HttpConnection:
        if len(self._connections) >= _CONNECTIONS:
            self.close()
        self._connections[url] = connection = HttpConnection(
            url,
            TlsFiles(None, None, None),
            connect_timeout=self._connect_timeout,
            read_timeout=self._longest,
            idle_timeout=self._read_timeout,
        )
        return connection


def failure_reason(error: Exception) -> str:
    """Name a failed request in a few words."""
    if isinstance(error, UnusableEdgeUrlError):
        return str(error)
    known = next((reason for kind, reason in _REASONS if isinstance(error, kind)), None)
    return known or getattr(error, "strerror", None) or type(error).__name__
