"""Send the bytes of a case over a new connection, and read until the server closes it."""

import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass

from tests.fuzz.case import Case

#: Seconds after which a server that holds the connection hangs.
_LONGEST = 30.0

#: Pause at each cut in seconds, so that the server reads the parts one by one.
_PAUSE = 0.002

#: Value of SO_LINGER with which close() sends RST.
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Exchange:
    """The bytes of the answers. ``ended`` is False if the server still held the connection after 30 s."""

    received: bytes
    reset: bool
    ended: bool


def exchange(port: int, case: Case, token: str) -> Exchange:
    """Send a case to a port of 127.0.0.1, close the sending side, and read to the end."""
    with socket.create_connection(("127.0.0.1", port), timeout=_LONGEST) as connection:
        reset = _send(connection, case.parts(token))
        if case.aborted:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            return Exchange(b"", True, True)
        with suppress(OSError):  # reset already
            connection.shutdown(socket.SHUT_WR)
        return _read(connection, reset)


def _send(connection: socket.socket, parts: list[bytes]) -> bool:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        for number, part in enumerate(parts):
            if number:
                time.sleep(_PAUSE)
            connection.sendall(part)
    except (BrokenPipeError, ConnectionResetError):
        return True  # the server has refused the parts before; its answer may still be readable
    return False


def _read(connection: socket.socket, reset: bool) -> Exchange:
    received = bytearray()
    deadline = time.monotonic() + _LONGEST
    while time.monotonic() < deadline:
        try:
            part = connection.recv(1 << 16)
        except ConnectionResetError:
            return Exchange(bytes(received), True, True)
        except TimeoutError:
            break
        if not part:
            return Exchange(bytes(received), reset, True)
        received += part
    return Exchange(bytes(received), reset, False)
