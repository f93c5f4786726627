"""Bounds the time that the standard library's HTTP client takes for the whole of an answer, its headers included."""

import http.client
import io
import socket
import time
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Deadline:
    """The moment of the monotonic clock by which the request under way has to be over, and seconds for each read."""

    idle: float
    moment: float = 0.0


def bounded_response(until: Deadline) -> type[http.client.HTTPResponse]:
    """Make the class of a connection's answers, all of whose reads raise ``TimeoutError`` at ``until``."""

    class Response(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
            super().__init__(sock, *arguments, **named)
            self.fp.close()
            self._bounded = _Bounded(sock, until)
            self.fp = io.BufferedReader(self._bounded)

        def begin(self) -> None:
            super().begin()
            self._bounded.may_end = True

    return Response


class _Bounded(io.RawIOBase):
    """Reads from a socket, each time with what is left until a moment."""

    def __init__(self, sock: socket.socket, until: Deadline) -> None:
        self._socket = sock
        # Holds the socket open until this is closed, also when the connection is closed before.
        self._file = sock.makefile("rb", buffering=0)
        self._until = until
        self.may_end = False  # http.client takes the end of a connection for the end of the headers

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until.moment - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(min(left, self._until.idle))
        count = self._file.readinto(buffer)
        if count == 0 and not self.may_end:
            raise ConnectionError("the connection ended before the headers of the answer did")
        return count

    def close(self) -> None:
        self._file.close()
        super().close()
