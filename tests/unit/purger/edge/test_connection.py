"""Keep a connection after answers of every form, over TCP and TLS, however their bytes arrive."""

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from purger.edge.connection import HttpConnection
from purger.edge.credentials import TlsFiles
from stack.processes.waiting import wait_until
from tests.support.certificates import Authority

SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nshort"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nchunk\r\n0\r\n\r\n"
LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000


@contextmanager
def answering(*answers: list[bytes], context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Answer the requests of one connection in turn, each with its parts; then close it. Yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)

        def serve() -> None:
            connection, peer = listening.accept()
            connection.settimeout(20)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context is not None:
                connection = context.wrap_socket(connection, server_side=True)
            with connection:
                for parts in answers:
                    connection.recv(65536)
                    for part in parts:
                        connection.sendall(part)
                        wait_until(lambda: queues(peer)[1] == 0, "each part is a read of its own")

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            thread.join()


def queues(address: tuple[str, int]) -> tuple[int, int]:
    """Return the bytes that the socket of an IPv4 address on loopback has not yet sent, and those not yet read."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, _, waiting, *_ = line.split()
        if local == f"0100007F:{address[1]:04X}":
            unsent, unread = (int(number, 16) for number in waiting.split(":"))
            return unsent, unread
    return 0, 0  # it is closed


def connection_to(url: str, files: TlsFiles | None = None) -> HttpConnection:
    return HttpConnection(url, files or TlsFiles(None, None, None), connect_timeout=60, read_timeout=60)


def bytewise(answer: bytes) -> list[bytes]:
    return [answer[start : start + 1] for start in range(len(answer))]


@pytest.mark.parametrize("tls", [False, True])
def test_one_connection_serves_answers_of_every_form(tmp_path: Path, tls: bool) -> None:
    authority = Authority(tmp_path, "ours")
    context, files = None, TlsFiles(None, None, None)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.sign("127.0.0.1"))
        files = TlsFiles(str(authority.file), None, None)
    body = bytearray()
    with answering([SHORT], bytewise(SHORT), [CHUNKED], [LARGE], [SHORT], context=context) as port:
        connection = connection_to(f"http{'s' if tls else ''}://127.0.0.1:{port}", files)
        connection.connect()
        assert connection.request("GET", "/", {}).text == "short"
        assert connection.request("GET", "/", {}).text == "short"
        assert connection.request("GET", "/", {}).text == "chunk"
        assert connection.request("GET", "/", {}, sink=body.extend).text == ""
        assert connection.request("GET", "/", {"X": "y"}, sink=body.extend).status == 200
        connection.close()
    assert body == b"x" * 100_000 + b"short"


def test_a_connection_that_the_peer_has_closed_is_opened_again() -> None:
    with answering([SHORT]) as port:
        connection = connection_to(f"http://127.0.0.1:{port}")
        connection.connect()
        connection.request("GET", "/", {})
        with pytest.raises(ConnectionError):
            connection.request("GET", "/", {})
        with pytest.raises(http.client.NotConnected):
            connection.request("GET", "/", {})
        connection.close()
