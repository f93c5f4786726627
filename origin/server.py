"""Runs the HTTP server of one process: cheroot, with strict heads, and an end that lets responses finish."""

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
from origin.lingering_close import LingeringClose
from origin.request_head import MAX_BODY_BYTES, RefusedError, read_head
from origin.settings import Address, ServerSettings
from origin.stores.contract import DamagedFileError, StoreAwayError

log = logging.getLogger(__name__)

#: Connections that the kernel queues before they are accepted.
_BACKLOG = 1024

#: Milliseconds that a thread waits for the next request of its connection. Another connection may wait as long for it.
_NEXT_REQUEST_WAIT = 2

#: Seconds that never end.
_FOR_EVER = 10**7


class _Request(cheroot.server.HTTPRequest):
    """A request whose head is read strictly: cheroot accepts heads that other servers read in another way."""

    method = b""

    def parse_request(self) -> None:
        """Read the head. Without one, and for a refused one, ``ready`` stays False and the connection ends."""
        try:
            head = read_head(self.conn.rfile.readline, self.server.max_request_body_size or None)
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
        # The connection ends after a chunked body: nobody reads it, and cheroot would parse it as the next request.
        self.chunked_read = head.chunked
        # HTTP/1.0 has no interim responses (RFC 9110, 10.1.1).
        if head.minor and head.fields.get(b"Expect", b"").lower() == b"100-continue":
            self.conn.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.ready = True

    def simple_response(self, status: str, msg: str = "") -> None:
        """Answer an error with the text ``msg``. The connection ends after it."""
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
    """Sends bytes at once, without a buffer.

    cheroot's own writer keeps the bytes that a lost peer did not take, and sends them to the closed socket when it is
    freed: from Python 3.13 on that is a traceback in the log.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def write(self, data: bytes) -> int:
        """Send all of ``data``. The socket's time-out is for each piece that the peer takes. Raises ``OSError``."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._socket.send(rest) :]
        return len(data)


class _Connection(cheroot.server.HTTPConnection):
    """A connection, listed in ``server.busy`` while a thread works on it."""

    RequestHandlerClass = _Request

    def __init__(self, server: "Server", sock: socket.socket, makefile: Callable[..., Any]) -> None:
        # An idle connection may last for keep_alive seconds; within a message the peer has to go on sooner.
        sock.settimeout(server.stall)
        super().__init__(server, sock, makefile)
        self.wfile = _Writer(sock)
        #: The time of the first bytes of the present request, in seconds of the monotonic clock.
        self.began = 0.0
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    def communicate(self) -> bool:
        self.server.busy.add(self)
        try:
            while super().communicate():
                if not self._next_request_came():
                    return True
                self.began = time.monotonic()
            return False
        finally:
            self.server.busy.discard(self)

    def close(self) -> None:
        """Close so that the peer can still read its answer."""
        self.rfile.close()
        self.server.lingering.close(self.socket)

    def _next_request_came(self) -> bool:
        """Wait some milliseconds for the next request, while no other connection waits for this thread.

        An edge under load sends it at once. Taking it here saves two changes of thread, about a seventh of the
        processor time of a request.
        """
        if self.rfile.has_data():
            return True
        if self.server.requests.qsize or not self.server.ready:
            return False
        return bool(self._poll.poll(_NEXT_REQUEST_WAIT))


class Gateway(cheroot.wsgi.Gateway_10):
    """Adds the time of the request's first bytes to the WSGI environment."""

    # The stubs of cheroot's base class say that it returns nothing.
    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]
        """Make the environment."""
        environ: dict[str, Any] = super().get_environ()
        environ[BEGAN] = self.req.conn.began
        return environ


class Server(cheroot.wsgi.Server):
    """A cheroot server. ``prepare()`` listens, ``serve()`` runs until another thread calls ``drain()``."""

    ConnectionClass = _Connection
    #: No limit: the edge limits the connections that it opens, and closing some would cost it another round trip.
    keep_alive_conn_limit = 1_000_000
    #: Bytes of the longest body; 0: the application decides. No request of this one needs a body, but cheroot reads all
    #: of it before it answers.
    max_request_body_size = MAX_BODY_BYTES

    def __init__(
        self, app: Callable[..., Any], address: Address, settings: ServerSettings, *, share_port: bool
    ) -> None:
        """Set up the server. ``share_port``: other processes listen on the same port, and share its connections."""
        self.stall = settings.stall
        self.headers = settings.headers
        self.lingering = LingeringClose()
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
        self.gateway = Gateway
        # No limit: at its limit cheroot closes a socket for reading only, and goes on waiting for the thread that
        # sends. drain() has a limit that ends it.
        self.shutdown_timeout = _FOR_EVER

    def process_conn(self, conn: _Connection) -> None:
        """Give a connection to a thread; a new one only when its first bytes have arrived.

        In cheroot, a client that connects and sends nothing keeps a thread waiting.
        """
        if conn.last_used is None:
            self.put_conn(conn)
        else:
            conn.began = time.monotonic()
            super().process_conn(conn)

    def drain(self, seconds: float, hurry: Callable[[], bool]) -> int:
        """Stop accepting requests, finish the present ones, and close. Returns how many were cut off.

        Cuts them off after ``seconds``, or once ``hurry`` returns True. ``hurry`` is called in a loop, and has to wait
        a fraction of a second itself.
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
        """Log an error of cheroot: for a damaged file or a store that went away one line, and no traceback."""
        error = sys.exc_info()[1]
        if isinstance(error, (DamagedFileError, StoreAwayError)):
            log.error("%s; the response was broken off", error)
        else:
            log.log(level, "%s", msg, exc_info=traceback)
