"""Run an edge with few threads and short timeouts, and connect to it over raw sockets."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

import requests

from stack.edges.edge import Edge
from stack.processes.waiting import PATIENCE, wait_until
from tests.support.threaded_server import threaded_server

THREADS = 40

#: Size of the large image in bytes: more than the kernel's buffers hold.
LARGE = 12_000_000

#: Parameters of varnishd, in seconds.
BOUNDS = {"send_timeout": 3, "idle_send_timeout": 1, "timeout_idle": 2}
HEAD = "{} HTTP/1.1\r\nHost: x\r\n"


@contextmanager
def limited_edge(directory: Path, **others: float) -> Iterator[Edge]:
    """Run an edge with the images "large" and "small" in its cache. ``others`` are further parameters of varnishd."""
    few: dict[str, float] = {
        "thread_pool_min": THREADS,
        "thread_pool_max": THREADS,
        "thread_pools": 1,
        "thread_pool_reserve": 10,
    }
    with (
        origin() as address,
        Edge(directory, address, tls=True, purger=False, parameters=few | BOUNDS | others) as edge,
    ):
        for code in ("large", "small"):
            wait_until(partial(is_kept, edge, code), f"{code} is kept")
        yield edge


@contextmanager
def origin() -> Iterator[str]:
    """Serve 12 MB under each code that begins with "large", and 4 bytes under others. Yields HOST:PORT."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            path = self.rfile.readline().split()[1]
            while self.rfile.readline().strip():
                pass
            body = b"m" * (LARGE if path.startswith(b"/images/large") else 4)
            head = f"HTTP/1.1 200 OK\r\nCDN-Cache-Control: max-age=86400\r\nContent-Length: {len(body)}\r\n"
            self.wfile.write(f"{head}Connection: close\r\n\r\n".encode() + body)

    with threaded_server(ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"127.0.0.1:{port}"


def get(edge: Edge, code: str) -> requests.Response:
    """GET /images/CODE over a connection of its own."""
    return requests.get(f"{edge.url}/images/{code}", timeout=PATIENCE)


def is_kept(edge: Edge, code: str) -> bool:
    """Tell whether the edge answers from its cache."""
    return "; hit" in get(edge, code).headers["Cache-Status"]


def connect(port: int, receive_buffer: int = 0, source: str = "127.0.0.1") -> socket.socket:
    """Connect from a loopback address, with a receive buffer of so many bytes (0: the system's default)."""
    client = socket.socket()
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(PATIENCE)
    client.bind((source, 0))
    client.connect(("127.0.0.1", port))
    return client


def drained(client: socket.socket) -> int:
    """Read to the end of the connection. Returns the number of bytes."""
    count = 0
    with suppress(ConnectionResetError):
        while part := client.recv(1 << 20):
            count += len(part)
    return count
