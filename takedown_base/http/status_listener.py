"""Answers a few pages (metrics, health) to monitoring, beside the work of a process and never in its way.

A client gets a thread once all of its request is there, so that slow ones keep nobody waiting.
"""

import logging
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from takedown_base.http.server import HttpServer
from takedown_base.listen_address import Address

log = logging.getLogger(__name__)


class _ServerSettings(NamedTuple):
    """The settings of the server; times in seconds.

    Few threads make pages at a time: one that waits for a database does not keep the others waiting, and no flood of
    requests takes the interpreter from the work of the process.
    """

    threads: int = 3
    keep_alive: int = 2
    stall: int = 2
    headers: tuple[tuple[str, str], ...] = ()


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


class StatusListener:
    """Answers GET and HEAD for ``pages``, by path, on a port that was reserved for it (``reserve_port``)."""

    def __init__(self, reserved: socket.socket, pages: Mapping[str, Callable[[], Page]]) -> None:
        self.address = Address(*reserved.getsockname()[:2])
        self._pages = pages
        self._server = HttpServer(self._answer, self.address, _ServerSettings(), share_port=True)

    def start(self) -> None:
        """Listen, and answer in threads. Raises ``OSError``."""
        self._server.prepare()
        threading.Thread(target=self._server.serve, name="monitoring", daemon=True).start()

    def stop(self) -> None:
        """End all threads, within a second."""
        self._server.drain(0.5, lambda: threading.Event().wait(0.05))

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        page = self._page(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        body = page.text.encode()
        headers = [
            ("Content-Type", page.content_type),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        start_response(f"{page.status.value} {page.status.phrase}", headers)
        return () if environ["REQUEST_METHOD"] == "HEAD" else (body,)

    def _page(self, method: str, path: str) -> Page:
        if method not in ("GET", "HEAD"):
            return Page("Only GET and HEAD are answered here.\n", HTTPStatus.METHOD_NOT_ALLOWED)
        if (make := self._pages.get(path)) is None:
            return Page(f"The pages are {', '.join(self._pages)}.\n", HTTPStatus.NOT_FOUND)
        try:
            return make()
        except Exception:
            log.exception("the page %s failed; this is a bug", path)
            return Page("The page failed.\n", HTTPStatus.INTERNAL_SERVER_ERROR)
