"""Attack an edge with clients that read slowly or not at all, and with heads and bodies that drip.

There are more of them than the edge has threads, and each goes on until its test ends.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest
import requests

from purger.edge.purge_request import Request
from purger.model import Edge as KnownEdge
from stack.edges.edge import Edge
from stack.processes.waiting import PATIENCE, wait_until
from tests.support.edges.http2_client import Http2Client
from tests.support.edges.limited_edge import HEAD, LARGE, THREADS, connect, drained, get, limited_edge
from tests.support.edges.link_client import LinkClient

ATTACKERS = 2 * THREADS


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    with limited_edge(tmp_path_factory.mktemp("edge")) as edge:
        yield edge


def serves_and_purges(edge: Edge) -> None:
    """Assert that new connections to both listeners get their answers."""
    assert get(edge, "small").status_code == 200
    assert edge.ask("PURGE", "/images/nobody").status_code == 200


@contextmanager
def attackers(port: int, begin: str, drip: bytes = b"") -> Iterator[list[socket.socket]]:
    """Open more connections than the edge has threads, send each a beginning at once, then ``drip`` repeatedly."""
    ended = threading.Event()
    with ExitStack() as open_sockets:
        clients = []
        for _ in range(ATTACKERS):
            clients.append(open_sockets.enter_context(connect(port, receive_buffer=4096)))
            clients[-1].sendall(begin.encode())

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


def test_readers_that_read_nothing_are_cut_off(edge: Edge) -> None:
    with attackers(edge.public_port, HEAD.format("GET /images/large") + "\r\n") as clients:
        wait_until(lambda: begun(clients) >= THREADS // 2, "half of the threads send to those who do not read")
        serves_and_purges(edge)
        wait_until(lambda: edge.counters()["MAIN.sc_tx_error"] >= ATTACKERS, "each of them is cut off")
        assert max(map(drained, clients)) < LARGE


def test_a_connected_purger_gets_through_readers_that_are_never_cut_off(tmp_path: Path) -> None:
    """Use up all threads, so that no client gets an answer.

    By ``timeout_linger`` all connections but the purger's lose their threads within a millisecond after an answer.
    """
    bounds = {"send_timeout": 600, "timeout_idle": 600, "timeout_linger": 0.001}
    purge = Request("PURGE", "/images/small")
    with limited_edge(tmp_path, **bounds) as edge, closing(client_of(edge)) as purger:
        asked = purger.ask()
        instance, position = asked.instance, asked.position
        with attackers(edge.public_port, HEAD.format("GET /images/large") + "\r\n"):
            wait_until(lambda: not answers(edge), "no thread is left for a new connection")
            assert purger.send(purge, instance).removed == 1

            def renewed() -> bool:
                epoch = purger.send(purge, instance).now
                assert purger.renew(instance, epoch, position, within=1).epoch == epoch
                return purger.is_renewed

            # The threads that accept connections answer the first new ones themselves.
            wait_until(lambda: not renewed(), "no new connection gets an answer")
            purger.send(purge, instance)


def client_of(edge: Edge) -> LinkClient:
    """Connect to the purge listener as the purger does."""
    known = KnownEdge(edge.name, edge.purge_url, edge.url, str(edge.token_file))
    return LinkClient(known, connect_timeout=PATIENCE, read_timeout=PATIENCE)


def answers(edge: Edge) -> bool:
    """Tell whether a new connection gets an answer within two seconds."""
    try:
        return requests.get(f"{edge.url}/images/small", timeout=2).ok
    except requests.Timeout:
        return False


def begun(clients: list[socket.socket]) -> int:
    """Count the clients whose answer has begun. One that was cut off had begun too."""
    count = 0
    for client in clients:
        client.setblocking(False)
        try:
            count += len(client.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            pass
        except ConnectionResetError:
            count += 1
        client.settimeout(PATIENCE)
    return count


def test_a_slow_reader_of_a_large_image_is_cut_off(edge: Edge) -> None:
    """Read 100 KB a second over HTTP/1.1, so that no write ever times out."""
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
    """Open the window a little again and again, so that no write ever times out."""
    with Http2Client(edge.tls_port) as client:
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
