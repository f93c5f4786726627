"""Clients that hold on to an edge: readers that read nothing, bodies and heads that drip, connections without number.

The edge has few threads and short bounds here, and there are more attackers than threads. Each attack goes on until its
test ends.
"""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest
import requests

from stack.edge import Edge
from stack.ports import free_port
from stack.server import Server
from stack.varnish import PARAMETERS_FILE, Varnish, read_parameters
from stack.waiting import PATIENCE, wait_until
from tests.certificates import Authority
from tests.documents import ROOT
from tests.http2 import Http2

THREADS = 40
ATTACKERS = 2 * THREADS
LARGE = 12_000_000  # more than the kernel's buffers take
FEW = {"thread_pool_min": THREADS, "thread_pool_max": THREADS, "thread_pools": 1, "thread_stats_rate": 1}
SHORT = {"send_timeout": 3, "idle_send_timeout": 1, "timeout_idle": 2}
# Other values than those of the file, where a file that was not read would show.
DEFAULTS = {"send_timeout": 600, "idle_send_timeout": 60, "http_max_hdr": 64, "http_req_overflow_status": 0}
HEAD = "{} HTTP/1.1\r\nHost: x\r\n"


@contextmanager
def origin() -> Iterator[str]:
    """An origin with a large image under each code that begins with "large", and small ones. Its address."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            path = self.rfile.readline().split()[1]
            while self.rfile.readline().strip():
                pass
            body = b"m" * (LARGE if path.startswith(b"/images/large") else 4)
            head = f"HTTP/1.1 200 OK\r\nCDN-Cache-Control: max-age=86400\r\nContent-Length: {len(body)}\r\n"
            self.wfile.write(f"{head}Connection: close\r\n\r\n".encode() + body)

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """An edge with few threads and short bounds that has the images "large" and "small" in its cache."""
    directory = tmp_path_factory.mktemp("edge")
    with origin() as address, Edge(directory, address, tls=True, purger=False, parameters=FEW | SHORT) as edge:
        for code in ("large", "small"):
            wait_until(partial(is_kept, edge, code), f"{code} is kept")
        yield edge


def get(edge: Edge, code: str) -> requests.Response:
    return requests.get(f"{edge.url}/images/{code}", timeout=PATIENCE)


def is_kept(edge: Edge, code: str) -> bool:
    return "; hit" in get(edge, code).headers["Cache-Status"]


def serves_and_purges(edge: Edge) -> None:
    """Hold that new connections to both listeners get their answers."""
    assert get(edge, "small").status_code == 200
    assert edge.ask("PURGE", "/images/nobody").status_code == 200


def connect(port: int, receive_buffer: int = 0, source: str = "127.0.0.1") -> socket.socket:
    client = socket.socket()
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(PATIENCE)
    client.bind((source, 0))
    client.connect(("127.0.0.1", port))
    return client


@contextmanager
def attackers(port: int, begin: str, drip: bytes = b"") -> Iterator[list[socket.socket]]:
    """Open more connections than the edge has threads, send each one's beginning, then ``drip`` on and on."""
    ended = threading.Event()
    with ExitStack() as open_sockets:
        clients = [open_sockets.enter_context(connect(port, receive_buffer=4096)) for _ in range(ATTACKERS)]
        for client in clients:
            client.sendall(begin.encode())

        def go_on() -> None:
            while drip and not ended.wait(0.2):
                for client in clients:
                    with suppress(OSError):
                        client.sendall(drip)

        dripping = threading.Thread(target=go_on)
        dripping.start()
        try:
            yield clients
        finally:
            ended.set()
            dripping.join()


def drained(client: socket.socket) -> int:
    """Read to the end of the connection and count the bytes."""
    count = 0
    with suppress(ConnectionResetError):
        while part := client.recv(1 << 20):
            count += len(part)
    return count


def test_readers_that_read_nothing_are_cut_off(edge: Edge) -> None:
    with attackers(edge.public_port, HEAD.format("GET /images/large") + "\r\n") as clients:
        wait_until(lambda: begun(clients) >= THREADS // 2, "half of the threads send to those who do not read")
        serves_and_purges(edge)
        wait_until(lambda: edge.counters()["MAIN.sc_tx_error"] >= ATTACKERS, "each of them is cut off")
        assert max(map(drained, clients)) < LARGE


def begun(clients: list[socket.socket]) -> int:
    """Count the clients whose answer has begun."""
    count = 0
    for client in clients:
        client.setblocking(False)
        with suppress(BlockingIOError):
            count += len(client.recv(1, socket.MSG_PEEK))
        client.settimeout(PATIENCE)
    return count


def test_a_slow_reader_of_a_large_image_is_cut_off(edge: Edge) -> None:
    """Over HTTP/1.1: 100 KB a second never let a write stand still."""
    with connect(edge.public_port, receive_buffer=65536) as client:
        client.sendall((HEAD.format("GET /images/large") + "\r\n").encode())
        before = edge.counters()["MAIN.sc_tx_error"]
        received = 0

        def cut_off() -> bool:
            nonlocal received
            received += len(client.recv(512))
            return edge.counters()["MAIN.sc_tx_error"] > before

        wait_until(cut_off, "the edge has ended the download")
        assert received + drained(client) < LARGE


def test_a_slow_reader_over_http_2_is_cut_off(edge: Edge) -> None:
    """It allows for a little more again and again, so that no window is ever closed."""
    with Http2(edge.tls_port) as client:
        client.get("/images/large")

        def ended() -> bool:
            client.allow(1000)
            client.receive()
            return client.reset or client.closed

        wait_until(ended, "the edge has ended the download")
        assert 0 < client.received < LARGE


BODY = "Content-Length: 1000000\r\n\r\n"


@pytest.mark.parametrize(
    "request_line", ["GET /images/small", "GET /images/nobody-has-this", "GET /", "POST /images/x"]
)
def test_bodies_that_drip_at_the_public_listener_hold_no_thread(edge: Edge, request_line: str) -> None:
    with attackers(edge.public_port, HEAD.format(request_line) + BODY, drip=b"a") as clients:
        for client in clients:
            assert client.recv(12) in (b"HTTP/1.1 413", b"HTTP/1.1 405")
        serves_and_purges(edge)


def test_bodies_that_drip_at_the_purge_listener_hold_no_thread(edge: Edge) -> None:
    with attackers(edge.purge_port, HEAD.format("PURGE /images/small") + BODY, drip=b"a") as clients:
        for client in clients:
            assert client.recv(12) == b"HTTP/1.1 403"
        serves_and_purges(edge)


@pytest.mark.parametrize("listener", ["public", "purge"])
def test_heads_that_drip_end(edge: Edge, listener: str) -> None:
    port = edge.public_port if listener == "public" else edge.purge_port
    with attackers(port, HEAD.format("GET /images/small") + "A: ", drip=b"a") as clients:
        serves_and_purges(edge)
        for client in clients:
            assert drained(client) == 0


LINES = {
    "40 long lines": [f"A{number}: {'a' * 990}" for number in range(40)],
    "9,000 short lines": ["a:"] * 9000,
}


@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
@pytest.mark.parametrize("listener", ["public", "purge"])
def test_a_head_that_is_too_large_is_431(edge: Edge, listener: str, lines: list[str]) -> None:
    port = edge.public_port if listener == "public" else edge.purge_port
    with connect(port) as client:
        client.sendall((HEAD.format("GET /images/small") + "\r\n".join(lines) + "\r\n\r\n").encode())
        assert client.recv(12) == b"HTTP/1.1 431"


@pytest.mark.parametrize("code", ["small", "miss{}"], ids=["hit", "miss"])
def test_too_many_lines_are_refused_and_spoil_nothing(edge: Edge, code: str) -> None:
    """119 lines are answered (docs/edge.md); from 124 on Varnish says 400, and between it has no room for its own."""
    for count in (*range(110, 132), 200, 1000):
        path = code.format(count)
        lines = "".join(f"A{number}: a\r\n" for number in range(count - 1))
        with connect(edge.public_port) as client:
            client.sendall((HEAD.format(f"GET /images/{path}") + lines + "\r\n").encode())
            status = client.recv(12)[9:]
        expected = {b"200"} if count <= 119 else {b"400"} if count >= 124 else {b"200", b"400", b"500", b"503"}
        assert status in expected, count
        assert get(edge, path).status_code == 200


def test_varnishd_takes_the_parameters_from_the_file_as_the_page_has_it(tmp_path: Path) -> None:
    source: list[str | Path] = ["-b", "127.0.0.1:1", "-I", PARAMETERS_FILE]
    with Varnish("edge", tmp_path, {"public": free_port()}, source, parameters=DEFAULTS) as varnish:
        running = varnish.parameters()
        for name, value in read_parameters().items():
            number = int(value.removesuffix("k")) * (1024 if value.endswith("k") else 1)
            assert running[name] == number, name


def test_haproxy_limits_the_connections_of_an_address(edge: Edge, tmp_path: Path) -> None:
    """With the example of docs/edge.md."""
    authority = Authority(tmp_path, "ours")
    pem = authority.sign("127.0.0.1").pem(tmp_path / "site.pem")
    port = free_port()
    page = (ROOT / "docs" / "edge.md").read_text()
    example = page[page.index("    defaults\n") : page.index("Keep the purge listener from")]
    example = example.replace("bind :443 ssl crt /etc/haproxy/site.pem", f"bind 127.0.0.1:{port} ssl crt {pem}")
    configuration = tmp_path / "haproxy.cfg"
    configuration.write_text(example.replace("127.0.0.1:8443", f"127.0.0.1:{edge.tls_port}"))
    context = ssl.create_default_context(cafile=str(authority.file))
    with Server("haproxy", tmp_path, ["haproxy", "-db", "-f", configuration], ports=[port]), ExitStack() as crowd:
        for _ in range(100):
            crowd.enter_context(connect(port, source="127.0.0.2"))
        with suppress(ConnectionResetError), connect(port, source="127.0.0.2") as refused:
            assert refused.recv(1) == b""
        with context.wrap_socket(connect(port, source="127.0.0.3"), server_hostname="127.0.0.1") as client:
            client.sendall((HEAD.format("GET /images/small") + "\r\n").encode())
            assert client.recv(12) == b"HTTP/1.1 200"
