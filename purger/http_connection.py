"""Keeps a persistent HTTP/1.1 connection to a listener of an edge, with mutual TLS and a time-out for whole requests.

``requests`` makes the requests, over a transport adapter of this module. Its usual adapter bounds each read and not the
whole of an answer, so that headers that arrive byte by byte hold up an edge's thread for hours. The standard library's
client parses the answer here, and each of its reads gets the rest of the request's time.
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

#: Most bytes of an answer's body that are read. A purge listener sends one line; another server might never end.
_BODY = 4096

#: Most bytes in one read of a body that is read whole.
_PART = 64 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response, of whichever server."""

    status: int
    headers: http.client.HTTPMessage
    text: str


class HttpConnection:
    """A connection to ``url``; for one thread. It is opened again after each end and error."""

    def __init__(
        self,
        url: str,
        files: TlsFiles,
        *,
        connect_timeout: float,
        read_timeout: float,
        idle_timeout: float | None = None,
    ) -> None:
        """Connect later, with time-outs in seconds: for TCP and again for TLS, and for a whole request.

        ``idle_timeout``: for each read of the answer; None: as long as the request may take.
        """
        self._url = url
        self._files = files
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._until = Deadline(idle=read_timeout if idle_timeout is None else idle_timeout)
        self._connection: http.client.HTTPConnection | None = None
        self._session = _new_session(_Adapter(lambda: self._connection))
        #: True while a TLS connection is open over which no answer has come yet.
        self.awaits_verdict = False

    def connect(self) -> None:
        """Open the connection where there is none, the peer has closed it, or the files of TLS have changed.

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

        ``sink`` gets the whole body, part by part; without it the reply has the beginning of the body.
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
        """Read the body, or its beginning. The connection is kept if the body ends there."""
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
    """Make a request of well-formed parts, unchecked: to check them again costs more than to send them."""
    request = requests.PreparedRequest()
    request.method, request.url = method, url
    request.headers = CaseInsensitiveDict(headers)
    return request


class _Session(requests.Session):
    """A session without redirections, and without the proxies and passwords of this machine's environment."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Follow no redirection: no other server gets the token, and the body of the answer is not read."""


def _new_session(adapter: BaseAdapter) -> requests.Session:
    session = _Session()
    session.trust_env = False
    session.headers.clear()
    session.adapters.clear()
    session.mount("http", adapter)
    return session


class _Adapter(BaseAdapter):
    """Sends requests over an open ``HttpConnection``, and raises the errors of that connection as they are."""

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
        """Leave the connection open: ``HttpConnection`` closes it."""


def _has_ended(sock: socket.socket | None) -> bool:
    """Tell whether the peer has closed an idle connection, or has sent something without a request."""
    if sock is None:
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
