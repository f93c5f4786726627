"""Reads from and writes to the socket of an HTTP connection, with one system call where cheroot needs several."""

import select
import socket

#: Bytes that are received at a time: nearly all requests come in one piece.
_CHUNK = 8192

#: Seconds that a thread waits for the next request of its connection. Another connection may wait as long for it.
NEXT_REQUEST_WAIT = 0.002


class SocketReader:
    """Reads lines and bytes from a socket, each wait bounded by ``stall`` (seconds).

    cheroot's own is written in Python, too, for any kind of stream: it takes a fifth of the time of a request.
    """

    def __init__(self, sock: socket.socket, stall: float) -> None:
        self._socket = sock
        #: Seconds that each wait for bytes may take.
        self.stall = stall
        self._data = b""
        self._at = 0
        self._ended = False
        #: For cheroot's statistics, which nobody switches on.
        self.bytes_read = 0

    def has_data(self) -> bool:
        """Tell whether there are bytes that were received and not yet read."""
        return self._at < len(self._data)

    def arrive(self) -> bool:
        """Tell whether bytes come, or the end, within ``NEXT_REQUEST_WAIT`` (on a socket with that limit)."""
        if self.has_data():
            return True
        try:
            self._receive()
        except BlockingIOError:
            return False
        return True

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
        if not self.has_data():
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
