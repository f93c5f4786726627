"""One kept HTTP/1.1 connection to a listener of an edge, with a total time for each request and with TLS both ways.

Requests are made by ``requests``, over a transport adapter of our own. The usual one bounds each read and not the whole
of an answer, so that headers which drip byte by byte hold up an edge's thread for hours. The standard library's client
does the parsing here, and each of its reads gets what is left of the request's time.
"""

import http.client
import select
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from purger.credentials import TlsFiles
from purger.edge_url import split_url
from purger.http_deadline import Deadline, bounded_response

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


class HttpConnection:
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
        self._until = Deadline(idle=read_timeout if idle_timeout is None else idle_timeout)
        self._connection: http.client.HTTPConnection | None = None
        self._session = _new_session(_Adapter(lambda: self._connection))
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
        made.response_class = bounded_response(self._until)
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
        url = self._url.rstrip("/") + path
        try:
            response = self._session.send(
                _prepared(method, url, headers), stream=True, proxies={}, allow_redirects=False
            )
            reply = self._read(cast(http.client.HTTPResponse, response.raw), sink)
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


def _prepared(method: str, url: str, headers: Mapping[str, str]) -> requests.PreparedRequest:
    """Make a request of what is known to be well-formed: to look at it again costs more than to send it."""
    request = requests.PreparedRequest()
    request.method, request.url = method, url
    request.headers = CaseInsensitiveDict(headers)
    return request


class _Session(requests.Session):
    """A session that sends what it is told, where it is told, and nothing of this machine's environment."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Find none: a token is not sent on, and the body of a redirection is not read for it."""


def _new_session(adapter: BaseAdapter) -> requests.Session:
    session = _Session()
    session.trust_env = False
    session.headers.clear()
    session.adapters.clear()
    session.mount("http", adapter)
    return session


class _Adapter(BaseAdapter):
    """Sends requests over the connection that a wire has opened, and lets its errors through as they are."""

    def __init__(self, connection: Callable[[], http.client.HTTPConnection | None]) -> None:
        super().__init__()
        self._connection = connection

    def send(self, request: requests.PreparedRequest, *_arguments: Any, **_named: Any) -> requests.Response:
        connection = self._connection()
        if connection is None:
            raise http.client.NotConnected
        connection.putrequest(str(request.method), request.path_url, skip_accept_encoding=True)
        for name, value in request.headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        raw = connection.getresponse()
        response = requests.Response()
        response.status_code, response.reason, response.raw = raw.status, raw.reason, raw
        response.headers.update(raw.headers.items())
        response.request, response.url = request, str(request.url)
        return response

    def close(self) -> None:
        """Do nothing: the connection is the wire's."""


def _has_ended(sock: socket.socket | None) -> bool:
    """Whether the far side has closed a connection on which nothing is awaited, or has sent what nobody asked for."""
    if sock is None:
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
