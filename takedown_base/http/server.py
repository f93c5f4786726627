"""Runs the HTTP server of one process: cheroot, with strict heads, and an end that lets responses finish."""

import contextlib
import logging
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import cheroot.server
import cheroot.wsgi

from takedown_base.http.gateway import Gateway
from takedown_base.http.lingering_close import LingeringClose
from takedown_base.http.request import StrictRequest
from takedown_base.http.request_head import MAX_BODY_BYTES
from takedown_base.http.socket_timeouts import wait_in_kernel
from takedown_base.http.sockets import NEXT_REQUEST_WAIT, SocketReader, SocketWriter
from takedown_base.listen_address import Address
from takedown_base.signals import SignalQueue

log = logging.getLogger(__name__)

#: Connections that the kernel queues before they are accepted.
_BACKLOG = 1024

#: Seconds that never end.
_FOR_EVER = 10**7


class ServerSettings(Protocol):
    """The settings of an HTTP server, times in seconds, as each command has them."""

    @property
    def threads(self) -> int:
        """Requests that are answered at a time."""

    @property
    def keep_alive(self) -> int:
        """Time that an idle connection stays open."""

    @property
    def stall(self) -> int:
        """Time that a request may take to arrive, and without progress after which a later message is broken off."""

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Headers of every answer that the server makes by itself."""


class _HttpConnection(cheroot.server.HTTPConnection):
    """A connection, listed in ``server.busy`` while a thread works on it."""

    RequestHandlerClass = StrictRequest

    def __init__(self, server: "HttpServer", sock: socket.socket, _makefile: Callable[..., Any]) -> None:
        super().__init__(server, sock, lambda *_: None)
        # An idle connection may last for keep_alive seconds; within a message the peer has to go on sooner.
        wait_in_kernel(sock, NEXT_REQUEST_WAIT, server.stall)
        self.rfile = SocketReader(sock, server.stall, server.max_request_body_size)
        self.wfile = SocketWriter(sock)
        #: The time of the first bytes of the present request, in seconds of the monotonic clock; 0 between requests.
        self.began = 0.0
        #: Whether it waits for bytes of the peer, without a thread of its own.
        self.waits = True

    def communicate(self) -> bool:
        self.server.busy.add(self)
        self.waits = False
        try:
            while super().communicate():
                if not self._next_request_came():
                    self.began = 0.0
                    self.waits = True
                    return True
                self.began = time.monotonic()
            return False
        finally:
            self.server.busy.discard(self)

    def close(self) -> None:
        """Close so that the peer can still read its answer. A request that has only begun to arrive is answered 408."""
        if self.waits and self.began and self.server.ready:
            self.socket.setblocking(False)  # the thread that accepts connections waits for nobody
            with contextlib.suppress(OSError):
                text = f"The request did not arrive within {self.server.stall} s."
                StrictRequest(self.server, self).simple_response("408 Request Timeout", text)
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
        arrived: bool = self.rfile.arrive()
        return arrived


class HttpServer(cheroot.wsgi.Server):
    """A cheroot server. ``prepare()`` listens, ``serve()`` runs until another thread calls ``drain()``."""

    ConnectionClass = _HttpConnection
    #: No limit: the edge limits the connections that it opens, and closing some would cost it another round trip.
    keep_alive_conn_limit = 1_000_000
    #: Bytes of the longest body, which is awaited with its head; 0: the application decides and reads.
    max_request_body_size = MAX_BODY_BYTES

    def __init__(
        self,
        app: Callable[..., Any],
        address: Address,
        settings: ServerSettings,
        *,
        share_port: bool,
        watch: Callable[[StrictRequest, bytes, int], object] | None = None,
        expected_errors: tuple[type[Exception], ...] = (),
    ) -> None:
        """Set up the server. ``share_port``: other processes listen on the same port, and share its connections.

        ``expected_errors`` are those that break a body off and are logged in one line, without a traceback.
        """
        self.stall = settings.stall
        self.headers = settings.headers
        self.expected_errors = expected_errors
        #: Called after each answer with the request, its status line and the bytes that were sent; None: nobody counts.
        self.watch = watch
        self.busy: set[_HttpConnection] = set()
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

    def prepare(self) -> None:
        """Listen. Raises ``OSError``."""
        super().prepare()
        # Each idle connection takes a descriptor. The usual 1024 are for programs that wait with select.
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self.lingering = LingeringClose()
        #: The part of the WSGI environment that is the same for all requests.
        self.environ = {
            "ACTUAL_SERVER_PROTOCOL": self.protocol,
            "SCRIPT_NAME": "",
            "SERVER_NAME": self.server_name,
            "SERVER_PORT": str(self.bind_addr[1]),
            "SERVER_SOFTWARE": self.software,
            "wsgi.errors": sys.stderr,
            "wsgi.multiprocess": False,
            "wsgi.multithread": True,
            "wsgi.run_once": False,
            "wsgi.url_scheme": "http",
            "wsgi.version": (1, 0),
        }

    def process_conn(self, conn: _HttpConnection) -> None:
        """Give a connection to a thread once all of a request has arrived, within ``stall`` seconds; else answer 408.

        In cheroot, a client that sends nothing, or sends slowly, keeps a thread waiting.
        """
        if conn.last_used is None:
            self.put_conn(conn)
            return
        try:
            arrived = conn.rfile.arrive()
        except OSError:  # the peer has gone
            conn.close()
            return
        conn.began = conn.began or time.monotonic()
        if arrived:
            super().process_conn(conn)
            return
        self.put_conn(conn)
        # cheroot closes connections that were not used for ``timeout`` seconds. Its clock is the time of day.
        conn.last_used = time.time() - self.timeout + conn.began + self.stall - time.monotonic()

    def refusal(self, status: str, text: str) -> tuple[str, bytes]:
        """Make the media type and the body of an answer that refuses a request before the application sees it."""
        return "text/plain; charset=utf-8", f"{text or status}\n".encode()

    def drain(self, seconds: float, at_once: Callable[[], bool]) -> int:
        """Stop accepting requests, finish the present ones, and close. Returns how many were cut off.

        Cuts them off after ``seconds``, or once ``at_once`` returns True. ``at_once`` is called in a loop, and has to
        wait a fraction of a second itself.
        """
        stopping = threading.Thread(target=self.stop, name="stopping")
        stopping.start()
        end = time.monotonic() + seconds
        while stopping.is_alive() and time.monotonic() < end and not at_once():
            pass
        cut_off: set[_HttpConnection] = set()
        while stopping.is_alive():
            for connection in self.busy.copy():
                cut_off.add(connection)
                with contextlib.suppress(OSError):  # it may be closed by now
                    connection.socket.shutdown(socket.SHUT_RDWR)
            stopping.join(0.05)
        return len(cut_off)

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """Log an error of cheroot: for one of ``expected_errors`` one line, and no traceback."""
        error = sys.exc_info()[1]
        if isinstance(error, self.expected_errors):
            log.error("%s; the response was broken off", error)
        else:
            log.log(level, "%s", msg, exc_info=traceback)


def run_server(server: HttpServer, signals: SignalQueue, drain: int, *, parent: int | None = None) -> None:
    """Run a prepared server until a signal comes, or the process ``parent`` ends; then finish the present responses.

    Gives them ``drain`` seconds, or until a second signal; then cuts them off. Each end is a line in the log.
    """
    serving = threading.Thread(target=server.serve, name="serving", daemon=True)
    serving.start()
    while (number := signals.wait(1)) is None and parent in (None, os.getppid()) and serving.is_alive():
        pass
    if number is not None:
        log.info("stopping: %s came", signal.Signals(number).name)
    else:
        log.error("stopping: %s", "the server failed" if not serving.is_alive() else "the parent process has ended")
    cut_off = server.drain(drain, lambda: signals.wait(0.1) is not None)
    if cut_off:
        log.warning("%d responses were still being sent and have been cut off", cut_off)


def reserve_port(address: Address, *, share: bool) -> socket.socket:
    """Bind the port without listening on it, to find out whether it is free, and to choose one for port 0.

    With ``share`` the workers may bind it as well. The first bind is always without: it fails where another origin
    listens, which would otherwise lose a part of its requests to this one. Raises ``OSError``.
    """
    family, kind, protocol, _, bound = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    for option in (None, socket.SO_REUSEPORT) if share else (None,):
        reserved = socket.socket(family, kind, protocol)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if option is not None:
            reserved.setsockopt(socket.SOL_SOCKET, option, 1)
        reserved.bind(bound)
        bound = reserved.getsockname()
        if share and option is None:
            reserved.close()
    return reserved
