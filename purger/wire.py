"""One kept HTTP/1.1 connection to a listener of an edge, with a total time for each request and with TLS both ways.

No library that was looked at bounds the whole of an answer: urllib3 and httpx bound each read, so that headers which
drip byte by byte hold up an edge's thread for hours. The standard library's client does the parsing here, and each of
its reads gets what is left of the request's time.
"""

import http.client
import io
import select
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from purger.credentials import TlsFiles
from purger.edge_url import split_url

#: Bytes of an answer's body that are read. A purge listener sends one line; another server might never end.
_BODY = 4096

#: Bytes of a body that is wanted whole, at a time.
_PART = 64 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whoever gave it."""

    status: int
    headers: http.client.HTTPMessage
    text: str


class Wire:
    """The connection to ``url``; for one thread. It opens itself again after each end and error."""

    def __init__(
        self,
        url: str,
        files: TlsFiles,
        *,
        connect_timeout: float,
        read_timeout: float,
        idle_timeout: float | None = None,
    ) -> None:
        """Times in seconds: ``connect_timeout`` for TCP and again for TLS, ``read_timeout`` for a whole request.

        ``idle_timeout``: for each read of it; None: as long as the request may take.
        """
        self._url = url
        self._files = files
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._until = _Deadline(idle=read_timeout if idle_timeout is None else idle_timeout)
        self._connection: http.client.HTTPConnection | None = None
        #: Whether the last connection is one of TLS over which no answer has come yet.
        self.awaits_verdict = False

    def connect(self) -> None:
        """Open the connection where there is none, the far side has ended it, or the files of TLS have changed.

        Raises ``OSError`` (``ssl.SSLError`` among them), ``UnusableEdgeUrlError`` and ``CredentialError``.
        """
        if self._connection is not None and not (_has_ended(self._connection.sock) or self._files.changed()):
            return
        self.close()
        self.awaits_verdict = False
        scheme, host, port = split_url(self._url)
        made = http.client.HTTPConnection(host, port, timeout=self._connect_timeout)
        if scheme == "https":
            made = http.client.HTTPSConnection(host, port, timeout=self._connect_timeout, context=self._files.load())
        made.response_class = _bounded_response(self._until)
        try:
            made.connect()
        except BaseException:
            made.close()
            raise
        self._connection = made
        self.awaits_verdict = scheme == "https"

    def request(
        self, method: str, path: str, headers: Mapping[str, str], *, sink: Callable[[bytes], object] | None = None
    ) -> Reply:
        """Send a request without a body over the open connection, and read its answer.

        With ``sink`` that gets the whole body, part by part; without it the reply has the beginning.
        ``TimeoutError``, another ``OSError`` and ``http.client.HTTPException`` mean that the request may have been
        carried out; the connection is then closed.
        """
        connection = self._connection
        if connection is None:
            raise http.client.NotConnected
        self._until.moment = time.monotonic() + self._read_timeout
        connection.sock.settimeout(self._read_timeout)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            reply = self._read(connection.getresponse(), sink)
        except BaseException:
            self.close()
            raise
        self.awaits_verdict = False
        return reply

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _read(self, response: http.client.HTTPResponse, sink: Callable[[bytes], object] | None) -> Reply:
        """Read the body, or its beginning. The connection is kept if that was all of it."""
        body = b""
        if sink is None:
            body = response.read(_BODY)
        else:
            while part := response.read(_PART):
                sink(part)
        if len(body) < _BODY and response.length:
            raise http.client.IncompleteRead(body, response.length)
        if response.will_close or not response.isclosed():
            response.close()
            self.close()
        return Reply(response.status, response.headers, body.decode("utf-8", "replace"))


@dataclass(slots=True)
class _Deadline:
    """The moment of the monotonic clock by which the request under way has to be over, and seconds for each read."""

    idle: float
    moment: float = 0.0


def _bounded_response(until: _Deadline) -> type[http.client.HTTPResponse]:
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

    def __init__(self, sock: socket.socket, until: _Deadline) -> None:
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


def _has_ended(sock: socket.socket | None) -> bool:
    """Whether the far side has closed a connection on which nothing is awaited, or has sent what nobody asked for."""
    if sock is None:
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
