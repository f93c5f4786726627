"""Answers a few pages (metrics, health) to monitoring, beside the work of a process and never in its way.

Each thread takes one request at a time, by HTTP/1.0 semantics: a request, an answer, the end. Each request has a
bounded time, also where a client sends or reads slowly, so that none holds a thread for long. There are more threads
than slow clients to expect, and only a few of them make pages at a time.
"""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple

from takedown_base.listen_address import Address

log = logging.getLogger(__name__)

#: Threads, most of which sleep: so many slow clients do not keep a health check waiting.
_THREADS = 64

#: Pages that are made at a time: one that waits for a database does not keep the others waiting, and no flood of
#: requests takes the interpreter from the work of the process.
_PAGES = 3

#: Seconds that a request may take to arrive, and an answer to leave.
_PATIENCE = 2.0

#: Bytes of the longest head of a request.
_LONGEST_HEAD = 16_384

#: Connections that the kernel queues.
_BACKLOG = 128

#: Seconds of rest after an error of the listening socket, such as a lack of descriptors.
_ERROR_REST = 0.5


class Page(NamedTuple):
    """The answer of a page."""

    text: str
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = "text/plain; charset=utf-8"


def health_page(problems: list[str]) -> Page:
    """Make the page of a check: 200 and ``ok``, or 503 with a problem a line."""
    if not problems:
        return Page("ok\n")
    return Page("".join(f"{problem}\n" for problem in problems), HTTPStatus.SERVICE_UNAVAILABLE)


def open_listener(address: Address) -> socket.socket:
    """Listen on an address, and return the socket. Raises ``OSError``."""
    family, _, _, _, bound = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    return socket.create_server(bound[:2], family=family, backlog=_BACKLOG)


class StatusListener:
    """Answers GET and HEAD for ``pages``, by path, until the process ends. Its threads are daemons."""

    def __init__(self, listening: socket.socket, pages: Mapping[str, Callable[[], Page]]) -> None:
        self._listening = listening
        self._pages = pages
        self._making = threading.Semaphore(_PAGES)
        self.address = Address(*listening.getsockname()[:2])

    def start(self) -> None:
        """Start the threads."""
        for number in range(_THREADS):
            threading.Thread(target=self._serve, name=f"monitoring {number + 1}", daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                if self._listening.fileno() < 0:
                    return
                time.sleep(_ERROR_REST)
                continue
            with connection, contextlib.suppress(OSError):
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        head = _read_head(connection, time.monotonic() + _PATIENCE)
        if head is None:
            return
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0].decode("latin-1")
        page = self._page(method, path)
        body = page.text.encode()
        lines = (
            f"HTTP/1.1 {page.status.value} {page.status.phrase}",
            f"Content-Type: {page.content_type}",
            f"Content-Length: {len(body)}",
            "Cache-Control: no-store",
            "X-Content-Type-Options: nosniff",
            "Connection: close",
        )
        sent = "\r\n".join(lines).encode() + b"\r\n\r\n"
        connection.settimeout(_PATIENCE)
        connection.sendall(sent if method == b"HEAD" else sent + body)

    def _page(self, method: bytes, path: str) -> Page:
        if method not in (b"GET", b"HEAD"):
            return Page("Only GET and HEAD are answered here.\n", HTTPStatus.METHOD_NOT_ALLOWED)
        if (make := self._pages.get(path)) is None:
            return Page(f"The pages are {', '.join(self._pages)}.\n", HTTPStatus.NOT_FOUND)
        try:
            with self._making:
                return make()
        except Exception:
            log.exception("the page %s failed; this is a bug", path)
            return Page("The page failed.\n", HTTPStatus.INTERNAL_SERVER_ERROR)


def _read_head(connection: socket.socket, until: float) -> bytes | None:
    """Read the head of a request until a moment of the monotonic clock; None where none comes."""
    head = b""
    while b"\r\n\r\n" not in head:
        left = until - time.monotonic()
        if left <= 0 or len(head) > _LONGEST_HEAD:
            return None
        connection.settimeout(left)
        more = connection.recv(4096)
        if not more:
            return None
        head += more
    return head
