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

from origin.settings import Address, Settings
from origin.store import DamagedFileError

logger = logging.getLogger(__name__)

_REQUEST_HEADERS_BYTES = 32 * 1024
_REQUEST_BODY_BYTES = 64 * 1024
_BACKLOG = 1024
# Also the longest that another connection can come to wait for a thread that waits like this.
_NEAR_MILLISECONDS = 2
_FOR_EVER = 10**7  # seconds


class _HeaderReader(cheroot.server.HeaderReader):
    """Drops headers whose names have underscores (cheroot's own reader that should do so raises TypeError).

    WSGI gives If_None_Match the name of If-None-Match. An edge takes out only the latter, and the 304 to its plain GET
    is a 503 for all who wait for the image.
    """

    def _allow_header(self, key_name: bytes) -> bool:
        return b"_" not in key_name


class _Request(cheroot.server.HTTPRequest):
    """A request after whose chunked body, which nobody reads, the connection ends.

    cheroot would go on, and take the body for the next request.
    """

    header_reader = _HeaderReader()

    def read_request_headers(self) -> bool:
        understood: bool = super().read_request_headers()
        if self.chunked_read:
            self.close_connection = True
        return understood


class _Connection(cheroot.server.HTTPConnection):
    """A connection that the server knows of while a thread works on it."""

    RequestHandlerClass = _Request

    def __init__(self, server: "Server", sock: socket.socket, makefile: Any):
        # Idle, a connection may last for keep_alive; in the middle of a message the peer has to go on sooner.
        sock.settimeout(server.stall)
        super().__init__(server, sock, makefile)
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    def communicate(self) -> bool:
        self.server.busy.add(self)
        try:
            while super().communicate():
                if not self._next_is_near():
                    return True
            return False
        finally:
            self.server.busy.discard(self)

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


class Server(cheroot.wsgi.Server):
    """A cheroot server: prepare() listens, serve() runs until another thread calls drain()."""

    ConnectionClass = _Connection
    # The edge bounds how many connections it opens. Closing some after each answer would cost it a round trip more.
    keep_alive_conn_limit = 1_000_000
    max_request_header_size = _REQUEST_HEADERS_BYTES
    # Nothing here takes a body, but cheroot reads it, whole, before it answers.
    max_request_body_size = _REQUEST_BODY_BYTES

    def __init__(self, app: Callable[..., Any], address: Address, settings: Settings, *, share_port: bool):
        """``share_port``: other processes listen on the same port, and the kernel spreads connections over them."""
        self.stall = settings.stall
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
