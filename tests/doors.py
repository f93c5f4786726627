"""Runs public listeners that no edge of ours can be made to be."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, ThreadingTCPServer


@contextmanager
def showing_for_ever(body: bytes) -> Iterator[str]:
    """A public door that shows one picture whatever happens. Its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@contextmanager
def answering(*parts: bytes, drip: bytes = b"", every: float = 0.02) -> Iterator[tuple[str, threading.Event]]:
    """Answer requests with ``parts``, then with ``drip`` every ``every`` seconds for ever, if any.

    Yields the listener's URL, and an event that is set by the first request.
    """
    asked, ended = threading.Event(), threading.Event()

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self.request.recv(4096)
                asked.set()
                for part in parts:
                    self.request.sendall(part)
                while drip and not ended.wait(every):
                    self.request.sendall(drip)

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            ended.set()
            server.shutdown()
