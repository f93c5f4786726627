"""Serve as the origin of the cache under test, or as a site's own server, with answers that each check chooses."""

import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Longest time in seconds for which a held answer waits: a check that fails must not leave it waiting.
LONGEST_HOLD = 10.0

#: Bytes of each body.
BODY = 8192

#: The lifetime at the edge, in seconds, that the origin gives to an image.
LIFETIME = 86400


@dataclass(slots=True)
class Fetch:
    """A request of the cache: its number for this path, what it asked, when it came (monotonic clock)."""

    number: int
    path: str
    headers: Mapping[str, str]
    began: float


@dataclass(slots=True)
class Hold:
    """A point at which one answer stands still: before its head, or in the middle of its body."""

    within_body: bool = False
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> None:
        """Tell the check that the answer has come so far, and wait until it lets it go on."""
        self.reached.set()
        self.released.wait(LONGEST_HOLD)


@dataclass(slots=True)
class Script:
    """The answers for one code. Each names its fetch in its body, so that a hit tells whose answer it is."""

    code: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0  # seconds before the head of each answer
    fetches: list[Fetch] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, path: str, headers: Mapping[str, str]) -> tuple[Fetch, Hold | None, int, dict[str, str]]:
        """Note a fetch and decide its answer now, as a lookup does that begins with the request."""
        with self.lock:
            fetch = Fetch(len(self.fetches) + 1, path, headers, time.monotonic())
            self.fetches.append(fetch)
            return fetch, self.holds.pop(0) if self.holds else None, self.status, dict(self.headers)

    def hold_next(self, *, within_body: bool = False) -> Hold:
        """Hold the answer to the next fetch."""
        hold = Hold(within_body)
        with self.lock:
            self.holds.append(hold)
        return hold


class ScriptedOrigin:
    """An origin on HOST:PORT that knows the scripts of the checks, and answers 404 for all other codes."""

    def __init__(self, address: str) -> None:
        """Listen at ``address``. Raises ``OSError`` when that is not possible."""
        host, _, port = address.rpartition(":")
        self.scripts: dict[str, Script] = {}
        self._server = _Server((host.strip("[]"), int(port)), _Handler)
        self._server.scripts = self.scripts
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "ScriptedOrigin":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, script: Script) -> Script:
        """Serve a script."""
        self.scripts[script.code] = script
        return script


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # the cache keeps idle connections
    request_queue_size = 128
    scripts: dict[str, Script]

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a cache that ends its connection."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        # A question for a verdict names its URL in a header.
        parts = self.headers.get("Takedown-URL", path).split("/")
        script = self.server.scripts.get(parts[2]) if len(parts) > 2 else None
        if script is None:
            self._send(404, {"Cache-Control": "no-cache"}, b"no such image\n", None)
            return
        fetch, hold, status, headers = script.begin(path, {name.lower(): text for name, text in self.headers.items()})
        if hold and not hold.within_body:
            hold.wait()
        if script.delay:
            time.sleep(script.delay)
        headers.setdefault("ETag", f'"{script.code}-{fetch.number}"')
        self._send(status, headers, f"{path} {fetch.number}\n".ljust(BODY, ".").encode(), hold)

    do_HEAD = do_GET  # noqa: N815 (the name is that of the base class)

    def _send(self, status: int, headers: Mapping[str, str], body: bytes, hold: Hold | None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status == HTTPStatus.NO_CONTENT:
            self.end_headers()
            return
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        half = len(body) // 2
        self.wfile.write(body[:half])
        self.wfile.flush()
        if hold and hold.within_body:
            hold.wait()
        self.wfile.write(body[half:])

    def log_message(self, *_: object) -> None:
        """Log nothing: the checks say what they saw."""
