"""Run a site's own web server, whose files, answers and pace a test chooses."""

import hashlib
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from stack.processes.waiting import PATIENCE


class SiteServer:
    """A web server on loopback that knows files by their URLs, and sends ETag and Last-Modified as nginx does."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.etags: dict[str, str] = {}  # of URLs that get another than that of their content
        self.moved: dict[str, str] = {}  # URLs that redirect
        self.then: dict[str, bytes] = {}  # of URLs, the content that replaces theirs after the next answer
        self.asked: Counter[str] = Counter()  # URLs, with the host before them
        self.heads: list[dict[str, str]] = []  # of all requests
        self.failing = 0  # the status of all answers, such as 500; 0: as the files are
        self.truncating = False  # break off in the middle of each body
        self.gate = threading.Event()  # while it is clear, requests wait
        self.gate.set()
        self.port = 0
        self._server: ThreadingHTTPServer | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def table(self, first_sight: str = "before") -> str:
        """Return the table for a file of rules that names this server for every host."""
        return f'[[site]]\nserver = "http://{self.address}"\nfirst_sight = "{first_sight}"\n'

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.gate.set()
        self.stop()

    def start(self) -> None:
        """Listen, on the port of before if there was one."""
        self._server = _Server(("127.0.0.1", self.port), _handler(self))
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _handler(site: SiteServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.asked[f"{self.headers.get('Host')}{self.path}"] += 1
            site.heads.append(dict(self.headers.items()))
            site.gate.wait(PATIENCE)
            body = site.files.get(self.path)
            if site.failing:
                self.send_response(site.failing)
                body = b"broken\n"
            elif self.path in site.moved:
                self.send_response(302)
                self.send_header("Location", site.moved[self.path])
                body = b""
            elif body is None:
                self.send_response(404)
                body = b"no such file\n"
            else:
                self.send_response(200)
                etag = hashlib.sha256(body).hexdigest()[:12]
                self.send_header("ETag", site.etags.get(self.path, f'"{etag}"'))
                self.send_header("Last-Modified", "Tue, 01 Dec 2020 10:00:00 GMT")
            self.send_header("Content-Type", "image/png")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            # Before the end of the body: who has read it may ask for the new content.
            if self.path in site.then:
                site.files[self.path] = site.then.pop(self.path)
            if site.truncating:
                body = body[: len(body) // 2]
                self.close_connection = True
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Write no log."""

    return Handler
