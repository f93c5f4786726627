"""Sends and receives over a socket until a deadline, however slowly the peer sends, and parses any answer."""

import http.client
import io
import select
import socket
import time
from typing import Any, cast


class BoundedSocket:
    """A connected socket, of TCP or TLS, each use of which raises ``TimeoutError`` at ``deadline``; for one thread."""

    def __init__(self, sock: socket.socket, *, idle: float) -> None:
        """Use a connected socket; ``idle``: seconds for each read."""
        self._socket = sock
        self._idle = idle
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        #: The moment of the monotonic clock by which the request in progress has to be over.
        self.deadline = 0.0

    def has_ended(self) -> bool:
        """Tell whether the peer has closed an idle connection, or has sent something without a request."""
        return bool(self._poll.poll(0))

    def send(self, data: bytes) -> None:
        """Send all of ``data``."""
        self._limit()
        self._socket.sendall(data)

    def receive(self, size: int) -> bytes:
        """Wait for data and return up to ``size`` bytes; none at the end of the connection."""
        self._limit()
        return self._socket.recv(size)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _limit(self) -> None:
        left = min(self.deadline - time.monotonic(), self._idle)
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)


def parsed_response(received: bytes, sock: BoundedSocket, method: str) -> http.client.HTTPResponse:
    """Parse the head of an answer, of which ``received`` has come; return the response, to read its body from.

    Raises ``http.client.HTTPException`` and ``OSError``.
    """
    source = _Source(received, sock)
    response = http.client.HTTPResponse(cast(socket.socket, source), method=method)
    response.begin()
    source.may_end = True
    return response


class _Source(io.RawIOBase):
    """Reads the part of an answer that has come, and then the socket. http.client takes it for a socket."""

    def __init__(self, received: bytes, sock: BoundedSocket) -> None:
        self._received = received
        self._socket = sock
        self.may_end = False  # http.client takes the end of a connection for the end of the headers

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._received[: len(buffer)] or self._socket.receive(len(buffer))
        self._received = self._received[len(buffer) :]
        if not data and not self.may_end:
            raise ConnectionError("the connection ended before the headers of the answer did")
        buffer[: len(data)] = data
        return len(data)
