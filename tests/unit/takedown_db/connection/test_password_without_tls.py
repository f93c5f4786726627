"""Connect by TCP to a server that has no TLS and asks for the password itself: it gets none."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

import mysql.connector
import pytest
from mysql.connector.connection import MySQLConnection

from stack.processes.waiting import PATIENCE
from takedown_db.connection.connect import NotEncryptedError, connect

PASSWORD = "correct-horse"
TIMEOUT = int(PATIENCE)
#: Flags of a server that has the protocol of today and no TLS (CLIENT_SSL is 0x800).
WITHOUT_TLS = 0x1 | 0x8 | 0x200 | 0x2000 | 0x8000 | 0x80000
NONCE = b"12345678" + b"abcdefghijkl\0"
#: The answer of caching_sha2_password to a client whose password it has not cached: it is to send it whole.
SEND_IT_WHOLE = b"\x01\x04"


class FalseServer:
    """A server of one connection, which keeps all that its client sends."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(30)
        self.port = self._listener.getsockname()[1]
        self.received = b""
        self._thread = threading.Thread(target=self._serve)

    def url(self, options: str) -> str:
        return f"mysql://joe:{PASSWORD}@127.0.0.1:{self.port}/takedown?{options}"

    def __enter__(self) -> "FalseServer":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.join()
        self._listener.close()

    def all_received(self) -> bytes:
        """Wait until the client has closed, and return what it has sent."""
        self._thread.join()
        return self.received

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        client.settimeout(30)
        with client, contextlib.suppress(OSError):
            for number, packet in ((0, _greeting()), (2, SEND_IT_WHOLE)):
                client.sendall(struct.pack("<I", len(packet))[:3] + bytes([number]) + packet)
                self.received += client.recv(65536)
            client.shutdown(socket.SHUT_WR)
            while more := client.recv(65536):
                self.received += more


def _greeting() -> bytes:
    low, high = struct.pack("<H", WITHOUT_TLS & 0xFFFF), struct.pack("<H", WITHOUT_TLS >> 16)
    head = b"\x0a8.4.0\0" + struct.pack("<I", 7) + NONCE[:8] + b"\0" + low + b"\x2d" + b"\x02\0" + high
    return head + bytes([len(NONCE)]) + bytes(10) + NONCE[8:] + b"caching_sha2_password\0"


@pytest.fixture
def server() -> Iterator[FalseServer]:
    with FalseServer() as server:
        yield server


@pytest.mark.parametrize("mode", ["PREFERRED", "DISABLED"])
def test_a_server_without_tls_gets_no_password(server: FalseServer, mode: str) -> None:
    with pytest.raises(mysql.connector.Error):
        connect(server.url(f"ssl_mode={mode}"), timeout=TIMEOUT, python=True)
    assert b"joe" in server.all_received()
    assert PASSWORD.encode() not in server.received


def test_where_tls_is_required_a_server_without_it_gets_nothing_at_all(server: FalseServer) -> None:
    with pytest.raises(NotEncryptedError, match=r"127\.0\.0\.1 offers no TLS"):
        connect(server.url("ssl_mode=REQUIRED"), timeout=TIMEOUT, python=True)
    assert server.all_received() == b""


def test_the_driver_in_pure_python_alone_would_send_it(server: FalseServer) -> None:
    with pytest.raises(mysql.connector.Error):
        MySQLConnection(host="127.0.0.1", port=server.port, user="joe", password=PASSWORD, connection_timeout=TIMEOUT)
    assert PASSWORD.encode() in server.all_received()
