"""Serve hash lists, also as servers do that break off or lie about the length."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.threaded_server import threaded_server


class ListServer:
    """A list, and how its server answers: head and body are sent as they are, and the connection is closed."""

    def __init__(self) -> None:
        self.url = ""
        self.answer = b""

    def publish(self, body: str, *fields: str) -> None:
        """Serve a body, with other fields than its true length."""
        text = body.encode()
        self.raw(text, *(fields or (f"Content-Length: {len(text)}",)))

    def raw(self, body: bytes, *fields: str, status: str = "200 OK") -> None:
        self.answer = "\r\n".join([f"HTTP/1.1 {status}", *fields, "Connection: close", "", ""]).encode() + body


@contextmanager
def list_server() -> Iterator[ListServer]:
    served = ListServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(served.answer)
            self.close_connection = True

        def log_message(self, *_: object) -> None: ...

    with threaded_server(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        served.url = f"http://127.0.0.1:{port}/list.csv"
        yield served
