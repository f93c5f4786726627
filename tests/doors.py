"""Runs public listeners that no edge of ours can be made to be."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, ThreadingTCPServer

from stack.waiting import wait_until
from tests.site import Site


@contextmanager
def showing_for_ever(body: bytes, *, failing: str = "") -> Iterator[str]:
    """A public door that shows one picture whatever happens, and answers 503 for the code ``failing``. Its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503 if self.path.split("/")[2] == failing else 200)
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
def third_edge(site: Site, public_url: str) -> Iterator[None]:
    """An edge `third` that is purged as the first one is, and is looked at through ``public_url``."""
    edge = site.stack.edge
    add = ("edge", "add", "third", "--purge-url", edge.purge_url, "--token-file", str(edge.token_file), "--public-url")
    site.stack.purger.run(*add, public_url).check_returncode()
    try:
        known = "SELECT COUNT(*) FROM edges WHERE name = 'third' AND instance IS NOT NULL"
        wait_until(lambda: site.number(known) == 1, "the first flush is over")
        yield
    finally:
        site.stack.purger.run("edge", "remove", "third").check_returncode()
        wait_until(lambda: "edge third is no longer followed" in site.stack.purger.log_text(), "the end of the third")


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
