"""Cut, delay and lose bytes with the faulty proxy."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from stack.processes.ports import free_port
from stack.processes.waiting import PATIENCE, wait_until
from tests.chaos.history import clock
from tests.support.faulty_proxy import Proxies, Proxy


class EchoServer:
    """A server that answers each line with the same line, and records it."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            for line in lines:
                self.lines.append(line)
                connection.sendall(line)


@pytest.fixture
def echo() -> EchoServer:
    return EchoServer()


@pytest.fixture
def proxy(echo: EchoServer) -> Iterator[Proxy]:
    with Proxies() as proxies:
        yield proxies.to(echo.port)


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port)) as client:
        client.settimeout(PATIENCE)
        yield client


def nothing_comes(client: socket.socket) -> bool:
    client.settimeout(0.05)
    try:
        client.recv(100)
    except TimeoutError:
        return True
    finally:
        client.settimeout(PATIENCE)
    return False


def test_it_forwards_both_ways(client: socket.socket, echo: EchoServer) -> None:
    for line in (b"one\n", b"two\n"):
        client.sendall(line)
        assert client.recv(100) == line
    client.shutdown(socket.SHUT_WR)
    assert client.recv(100) == b""
    assert echo.lines == [b"one\n", b"two\n"]


def test_what_is_cut_upstream_arrives_once_it_is_mended(client: socket.socket, echo: EchoServer, proxy: Proxy) -> None:
    proxy.up.cut()
    client.sendall(b"late\n")
    wait_until(lambda: proxy.up.held == 1, "held")
    assert nothing_comes(client)
    assert echo.lines == []
    proxy.up.mend()
    assert client.recv(100) == b"late\n"


def test_an_answer_that_is_cut_has_had_its_effect(client: socket.socket, echo: EchoServer, proxy: Proxy) -> None:
    proxy.down.cut()
    client.sendall(b"done\n")
    wait_until(lambda: echo.lines == [b"done\n"], "the request at the server")
    wait_until(lambda: proxy.down.held == 1, "held")
    assert nothing_comes(client)
    proxy.down.mend()
    assert client.recv(100) == b"done\n"
    assert proxy.down.held == 0


def test_an_answer_that_is_lost_never_comes(client: socket.socket, echo: EchoServer, proxy: Proxy) -> None:
    proxy.down.lose = True
    client.sendall(b"lost\n")
    wait_until(lambda: proxy.down.lost == 1, "the answer lost")
    assert echo.lines == [b"lost\n"]
    assert nothing_comes(client)
    proxy.down.mend()
    client.sendall(b"kept\n")
    assert client.recv(100) == b"kept\n"


def test_a_delay_is_for_each_message_and_a_drip_for_each_piece(client: socket.socket, proxy: Proxy) -> None:
    delays = iter([0.0, 0.2])
    proxy.down.delay = lambda: next(delays)
    proxy.down.drip = (2, 0.001)
    client.sendall(b"1234\n")
    whole = b""
    while len(whole) < 5:
        piece = client.recv(100)
        assert piece
        whole += piece
    assert whole == b"1234\n"
    start = clock()
    client.sendall(b"x\n")
    assert client.recv(100)
    assert clock() - start >= 0.2


def test_what_is_late_comes_at_once_when_the_direction_is_mended(
    client: socket.socket, echo: EchoServer, proxy: Proxy
) -> None:
    proxy.down.delay = lambda: 60.0
    client.sendall(b"late\n")
    wait_until(lambda: echo.lines == [b"late\n"], "the request at the server")
    assert nothing_comes(client)
    proxy.down.mend()
    assert client.recv(100) == b"late\n"
    proxy.down.drip = (2, 60.0)
    client.sendall(b"1234\n")
    assert client.recv(100) == b"12"
    proxy.down.mend()
    assert client.recv(100) == b"34\n"


def test_a_server_that_is_away_breaks_the_connection_off() -> None:
    with Proxies() as proxies:
        to_nobody = proxies.to(free_port())
        with (
            socket.create_connection(("127.0.0.1", to_nobody.port), timeout=PATIENCE) as client,
            suppress(ConnectionError),
        ):
            assert client.recv(100) == b""


def test_what_is_turned_to_another_target_breaks_off_and_leads_there(
    client: socket.socket, echo: EchoServer, proxy: Proxy
) -> None:
    client.sendall(b"one\n")
    assert client.recv(100) == b"one\n"
    other = EchoServer()
    proxy.turn_to(other.port)
    with suppress(ConnectionResetError):
        assert client.recv(100) == b""
    with socket.create_connection(("127.0.0.1", proxy.port)) as second:
        second.settimeout(PATIENCE)
        second.sendall(b"two\n")
        assert second.recv(100) == b"two\n"
    assert (echo.lines, other.lines) == ([b"one\n"], [b"two\n"])
