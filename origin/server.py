"""The HTTP server of one process: cheroot, with an end that keeps what is being sent whole."""

import contextlib
import logging
import select
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import cheroot.server
import cheroot.wsgi

from origin.app import BEGAN
from origin.http_dates import format_date
from origin.lingering_close import Lingering
from origin.request_head import MAX_BODY_BYTES, RefusedError, read_head
from origin.settings import Address, Settings
from origin.store import DamagedFileError

logger = logging.getLogger(__name__)

_BACKLOG = 1024
# Also the longest that another connection can come to wait for a thread that waits like this.
_NEAR_MILLISECONDS = 2
_FOR_EVER = 10**7  # seconds


class _Request(cheroot.server.HTTPRequest):
    """A request whose head is read strictly, where cheroot lets through what others would read otherwise."""

    method = b""

    def parse_request(self) -> None:
        """Read the head. Where there is none, or it was refused, ``ready`` stays False and the connection ends."""
        try:
            head = read_head(self.conn.rfile.readline)
        except RefusedError as refused:
            self.simple_response(refused.status, str(refused))
            return
        if head is None:
            return
        self.method, self.uri, self.path, self.qs = head.method, head.target, head.path, head.query
        self.request_protocol = b"HTTP/1.%d" % head.minor
        self.response_protocol = "HTTP/1.0" if head.minor == 0 else "HTTP/1.1"
        self.inheaders = head.fields
        self.close_connection = head.close
        # cheroot would go on after a chunked body that nobody reads, and take it for the next request.
        self.chunked_read = head.chunked
        # HTTP/1.0 knows no answers before the answer (RFC 9110, 10.1.1).
        if head.minor and head.fields.get(b"Expect", b"").lower() == b"100-continue":
            self.conn.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.ready = True

    def simple_response(self, status: str, msg: str = "") -> None:
        """Answer an error with the bare text ``msg``. The connection ends after it."""
        body = f"{msg or status}\n".encode()
        lines = (
            f"HTTP/1.1 {status}",
            f"Date: {format_date(int(time.time()))}",
            "Content-Type: text/plain; charset=utf-8",
            f"Content-Length: {len(body)}",
            "Cache-Control: no-store",
            "X-Content-Type-Options: nosniff",
            "Connection: close",
            *(f"{name}: {value}" for name, value in self.server.headers),
        )
        head = "".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n"
        with contextlib.suppress(ConnectionError):  # the peer may have gone
            self.conn.wfile.write(head if self.method == b"HEAD" else head + body)


class _Writer:
    """Sends bytes at once. cheroot's own writer keeps what a peer that has gone did not take, and sends it to a socket
    that is closed by then when it is taken out of memory: from Python 3.13 on that is a traceback in the log.
    """

    def __init__(self, sock: socket.socket):
        self._socket = sock

    def write(self, data: bytes) -> int:
        """Send all of ``data``; the socket's timeout is for each piece that the peer takes. Raises ``OSError``."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._socket.send(rest) :]
        return len(data)


class _Connection(cheroot.server.HTTPConnection):
    """A connection that the server knows of while a thread works on it."""

    RequestHandlerClass = _Request

    def __init__(self, server: "Server", sock: socket.socket, makefile: Callable[..., Any]):
        # Idle, a connection may last for keep_alive; in the middle of a message the peer has to go on sooner.
        sock.settimeout(server.stall)
        super().__init__(server, sock, makefile)
        self.wfile = _Writer(sock)
        self.began = 0.0  # when the present request's first bytes were there, by the monotonic clock
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    def communicate(self) -> bool:
        self.server.busy.add(self)
        try:
            while super().communicate():
                if not self._next_is_near():
                    return True
                self.began = time.monotonic()
            return False
        finally:
            self.server.busy.discard(self)

    def close(self) -> None:
        """Close, but so that the peer can read what it was sent."""
        self.rfile.close()
        self.server.lingering.close(self.socket)

    def _next_is_near(self) -> bool:
        """Wait a moment for a further request, while no other connection waits for this thread.

        An edge under load sends the next one at once. To take it here saves two changes of thread, about a seventh of
        the processor time that a request costs.
        """
        if self.rfile.has_data():
            return True
        if self.server.requests.qsize or not self.server.ready:
            return False
        return bool(self._poll.poll(_NEAR_MILLISECONDS))


class _Gateway(cheroot.wsgi.Gateway_10):
    """Tells the application when its request began."""

    # The stubs of cheroot's base class say that it returns nothing.
    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]
        environ: dict[str, Any] = super().get_environ()
        environ[BEGAN] = self.req.conn.began
        return environ


class Server(cheroot.wsgi.Server):
    """A cheroot server: prepare() listens, serve() runs until another thread calls drain()."""

    ConnectionClass = _Connection
    # The edge bounds how many connections it opens. Closing some after each answer would cost it a round trip more.
    keep_alive_conn_limit = 1_000_000
    # Nothing here takes a body, but cheroot reads it, whole, before it answers.
    max_request_body_size = MAX_BODY_BYTES

    def __init__(self, app: Callable[..., Any], address: Address, settings: Settings, *, share_port: bool):
        """``share_port``: other processes listen on the same port, and the kernel spreads connections over them."""
        self.stall = settings.stall
        self.headers = settings.headers
        self.lingering = Lingering()
        self.busy: set[_Connection] = set()
        super().__init__(
            (address.host, address.port),
            app,
            numthreads=settings.threads,
            max=settings.threads,
            server_name="edge-takedown",
            request_queue_size=_BACKLOG,
            timeout=settings.keep_alive,
            reuse_port=share_port,
        )
        self.gateway = _Gateway
        # No bound: at its bound cheroot closes a socket for reading only, and then waits for the thread that sends for
        # as long as it takes. drain() has a bound that holds.
        self.shutdown_timeout = _FOR_EVER

    def process_conn(self, conn: _Connection) -> None:
        """Give a connection to a thread, but a new one only when its first bytes are there.

        As cheroot does it, someone who connects and says nothing keeps a thread waiting.
        """
        if conn.last_used is None:
            self.put_conn(conn)
        else:
            conn.began = time.monotonic()
            super().process_conn(conn)

    def drain(self, seconds: float, hurry: Callable[[], bool]) -> int:
        """Take no more requests, let those under way end, and close. Answers how many had to be cut off.

        They are cut off after ``seconds``, or once ``hurry`` says so, which is called over and over and should take its
        time (a fraction of a second).
        """
        stopping = threading.Thread(target=self.stop, name="stopping")
        stopping.start()
        end = time.monotonic() + seconds
        while stopping.is_alive() and time.monotonic() < end and not hurry():
            pass
        cut_off: set[_Connection] = set()
        while stopping.is_alive():
            for connection in self.busy.copy():
                cut_off.add(connection)
                with contextlib.suppress(OSError):  # it may be closed by now
                    connection.socket.shutdown(socket.SHUT_RDWR)
            stopping.join(0.05)
        return len(cut_off)

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """Log what cheroot reports. A damaged file is one line, however deep it was found."""
        error = sys.exc_info()[1]
        if isinstance(error, DamagedFileError):
            logger.error("%s; the response was broken off", error)
        else:
            logger.log(level, "%s", msg, exc_info=traceback)
