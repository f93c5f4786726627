"""Request over HTTP/2 with a flow-control window that the test sets, frame by frame (RFC 9113)."""

import socket
from types import TracebackType
from typing import Self

from stack.processes.waiting import PATIENCE

_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _WINDOW_UPDATE = 0, 1, 3, 4, 8
_END_STREAM_AND_HEADERS = 0x5
_INITIAL_WINDOW_SIZE = b"\0\4"


class Http2Client:
    """One connection to a listener that takes PROXY, with one request on it."""

    def __init__(self, port: int, window: int = 1000) -> None:
        """Connect. ``window`` is the number of bytes that the server may send at first."""
        self.received = 0  # bytes of the answer's body
        self.reset = False
        self.closed = False
        self._unread = b""
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._socket.sendall(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self._send(_SETTINGS, 0, _INITIAL_WINDOW_SIZE + window.to_bytes(4, "big"), stream=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.close()

    def get(self, path: str) -> None:
        """Send a GET without a body."""
        # :method GET and :scheme http by their numbers in HPACK's static table, :path and :authority as literals.
        fields = b"\x82\x86\x04" + bytes([len(path)]) + path.encode() + b"\x01\x01x"
        self._send(_HEADERS, _END_STREAM_AND_HEADERS, fields)

    def allow(self, count: int) -> None:
        """Let the server send ``count`` more bytes."""
        if not self.closed:
            for stream in (0, 1):
                self._send(_WINDOW_UPDATE, 0, count.to_bytes(4, "big"), stream)

    def receive(self) -> None:
        """Read frames for up to a tenth of a second."""
        self._socket.settimeout(0.1)
        try:
            part = self._socket.recv(65536)
            self.closed = not part
            self._unread += part
        except TimeoutError:
            pass
        except ConnectionResetError:
            self.closed = True
        while len(self._unread) >= 9 + (length := int.from_bytes(self._unread[:3], "big")) and self._unread:
            self.received += length if self._unread[3] == _DATA else 0
            self.reset |= self._unread[3] == _RST_STREAM
            self._unread = self._unread[9 + length :]

    def _send(self, kind: int, flags: int, payload: bytes, stream: int = 1) -> None:
        head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
        try:
            self._socket.sendall(head + payload)
        except OSError:
            self.closed = True
