"""Bounds the time of the standard library's HTTP client for a whole answer, its headers included."""

import http.client
import io
import socket
import time
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Deadline:
    """The time limits of the request in progress."""

    idle: float  # seconds for each read
    moment: float = 0.0  # of the monotonic clock, by which the whole answer has to be read


def bounded_response(until: Deadline) -> type[http.client.HTTPResponse]:
    """Make a class of responses whose reads raise ``TimeoutError`` at ``until``."""

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
    """Reads from a socket, with the time until a deadline as the time-out of each read."""

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
