"""Reads from and writes to the socket of an HTTP connection, with one system call where cheroot needs several."""

import re
import select
import socket

from takedown_base.http.request_head import MAX_HEAD_BYTES

#: Bytes that are received at a time: nearly all requests come in one piece.
_CHUNK = 8192

#: Seconds that a thread waits for the next request of its connection. Another connection may wait as long for it.
NEXT_REQUEST_WAIT = 0.002


#: The end of a head. Two bare LF are one too: the head is refused, and so needs no waiting.
_HEAD_END = re.compile(rb"\n\r?\n")

_LENGTH = re.compile(rb"\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*\r?\n", re.IGNORECASE)


class SocketReader:
    """Reads lines and bytes from a socket, each wait bounded by ``stall`` (seconds).

    cheroot's own is written in Python, too, for any kind of stream: it takes a fifth of the time of a request.
    """

    def __init__(self, sock: socket.socket, stall: float, max_body: int = 0) -> None:
        """Take the bytes of the longest body that belongs to a request, for ``has_data``."""
        self._socket = sock
        #: Seconds that each wait for bytes may take.
        self.stall = stall
        self._max_body = max_body
        self._data = b""
        self._at = 0
        self._ended = False
        #: For cheroot's statistics, which nobody switches on.
        self.bytes_read = 0

    def has_data(self) -> bool:
        """Tell whether all of a request was received, so that a thread that reads it waits for nothing.

        That is a head and its body, but also what no more bytes make a request: too long a head, or the end.
        """
        end = _HEAD_END.search(self._data, self._at)
        if end is None:
            return self._ended or len(self._data) - self._at > MAX_HEAD_BYTES
        length = _LENGTH.search(self._data, self._at, end.end())
        body = int(length[1]) if length else 0
        return self._ended or body > self._max_body or len(self._data) - end.end() >= body

    def arrive(self) -> bool:
        """Receive once, and tell whether there is a request then.

        Waits at most ``NEXT_REQUEST_WAIT``, on a socket with that limit. Raises ``OSError``.
        """
        if self.has_data():
            return True
        try:
            self._receive()
        except BlockingIOError:
            return False
        return self.has_data()

    def readline(self, limit: int = -1) -> bytes:
        """Read a line with its end, at most ``limit`` bytes of it. Raises ``OSError``, ``TimeoutError`` among them."""
        while True:
            most = len(self._data) if limit < 0 else self._at + limit
            end = self._data.find(b"\n", self._at, most) + 1
            if end:
                return self._take(end)
            if 0 <= limit <= len(self._data) - self._at or not self._more():
                return self._take(most)

    def read(self, size: int = -1) -> bytes:
        """Read ``size`` bytes, or up to the end. Raises ``OSError``."""
        while (size < 0 or len(self._data) - self._at < size) and self._more():
            pass
        return self._take(len(self._data) if size < 0 else self._at + size)

    def read1(self, size: int) -> bytes:
        """Read at most ``size`` bytes, with one receive at most; none only at the end. Raises ``OSError``."""
        if self._at == len(self._data):
            self._more()
        return self._take(self._at + size)

    def close(self) -> None:
        """Drop what was received. The socket stays open."""
        self._data, self._at, self._ended = b"", 0, True

    def _take(self, end: int) -> bytes:
        data = self._data[self._at : end]
        self._at += len(data)
        return data

    def _more(self) -> bool:
        """Receive more bytes; False at the end. Raises ``OSError``, and ``TimeoutError`` after ``stall`` seconds."""
        try:
            return self._receive()
        except BlockingIOError:
            if not wait_for(self._socket, select.POLLIN, self.stall):
                raise TimeoutError("timed out") from None
            return self._receive()

    def _receive(self) -> bool:
        if not self._ended:
            data = self._socket.recv(_CHUNK)
            self._ended = not data
            self._data, self._at = self._data[self._at :] + data, 0
        return not self._ended


class SocketWriter:
    """Sends bytes at once, without a buffer. Each wait for the peer is bounded by the socket's time-out.

    cheroot's own writer keeps the bytes that a lost peer did not take, and sends them to the closed socket when it is
    freed: from Python 3.13 on that is a traceback in the log.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        #: Bytes that the kernel has taken, of all answers of the connection.
        self.bytes_written = 0

    def write(self, data: bytes) -> int:
        """Send all of ``data``. Raises ``OSError``, ``TimeoutError`` among them."""
        try:
            sent = self._socket.send(data)
            self.bytes_written += sent
            return self._send(data, sent)
        except BlockingIOError:
            raise TimeoutError("timed out") from None

    def write_both(self, head: bytes, body: bytes) -> None:
        """Send two pieces with one system call. Raises as ``write`` does."""
        try:
            sent = self._socket.sendmsg((head, body))
            self.bytes_written += sent
            if sent < len(head):
                self._send(head, sent)
                sent = len(head)
            self._send(body, sent - len(head))
        except BlockingIOError:
            raise TimeoutError("timed out") from None

    def _send(self, data: bytes, sent: int) -> int:
        while sent < len(data):
            more = self._socket.send(memoryview(data)[sent:])
            self.bytes_written += more
            sent += more
        return len(data)


def wait_for(sock: socket.socket, event: int, seconds: float) -> bool:
    """Wait until ``sock`` is ready for ``event`` (of ``select.poll``), at most ``seconds``."""
    poll = select.poll()
    poll.register(sock, event)
    return bool(poll.poll(seconds * 1000))
