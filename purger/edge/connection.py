"""Keeps a persistent HTTP/1.1 connection to a public listener, with mutual TLS and a time-out for whole requests.

Probes and commands use it; purge listeners are asked over ``link.py``. ``requests`` makes the requests, over a
transport adapter of this module. Its usual adapter bounds each read and not the whole of an answer, so that headers
that arrive byte by byte hold up a prober for hours. A request costs a third of the processor time here, most of it
saved by ``wire.py``.
"""

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter

from purger.edge.credentials import TlsFiles
from purger.edge.deadline import BoundedSocket, parsed_response
from purger.edge.url import split_url
from purger.edge.wire import ShortAnswer, combined, encode_request, parse_answer

#: Most bytes of an answer's body that are read. A purge listener sends one line; another server might never end.
_BODY = 4096

#: Most bytes in one read of a body that is read whole.
_PART = 64 * 1024

#: Bytes of the first read of an answer: a purge listener's fits in.
_FIRST_READ = 8192


class Reply(NamedTuple):
    """An HTTP response, of whichever server. Names of ``headers`` are in lower case, each with all its values."""

    status: int
    headers: Mapping[str, str]
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
        self._url = url.rstrip("/")
        self._files = files
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._idle_timeout = read_timeout if idle_timeout is None else idle_timeout
        self._socket: BoundedSocket | None = None
        self._prepared = _Prepared(self._url)
        self._session = _new_session(_Adapter(lambda: self._socket))

    def connect(self) -> None:
        """Open the connection where there is none, the peer has closed it, or the files of TLS have changed.

        Raises ``OSError`` (``ssl.SSLError`` among them), ``UnusableEdgeUrlError`` and ``CredentialError``.
        """
        if self._socket is not None and not (self._socket.has_ended() or self._files.changed()):
            return
        self.close()
        scheme, host, port = split_url(self._url)
        context = self._files.load() if scheme == "https" else None
        sock = _connected(host, port, context, self._connect_timeout)
        self._socket = BoundedSocket(sock, idle=self._idle_timeout)

    def request(
        self, method: str, path: str, headers: Mapping[str, str], *, sink: Callable[[bytes], object] | None = None
    ) -> Reply:
        """Send a request without a body over the open connection, and read its answer.

        ``headers`` may name another Host than the URL does.
        ``sink`` gets the whole body, part by part; without it the reply has the beginning of the body.
        ``TimeoutError``, another ``OSError`` and ``http.client.HTTPException`` mean that the request may have been
        carried out; the connection is then closed.
        """
        if self._socket is None:
            raise http.client.NotConnected
        self._socket.deadline = time.monotonic() + self._read_timeout
        self._prepared.change(method, path, headers)
        try:
            answer: Any = self._session.send(self._prepared, stream=True, proxies={}, allow_redirects=False).raw
            return _short(answer, sink) if isinstance(answer, ShortAnswer) else self._read(answer, sink)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

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
        return Reply(response.status, combined(response.headers.items()), body.decode("utf-8", "replace"))


def _short(answer: ShortAnswer, sink: Callable[[bytes], object] | None) -> Reply:
    if sink is not None:
        sink(answer.body)
        return Reply(answer.status, answer.headers, "")
    return Reply(answer.status, answer.headers, answer.body[:_BODY].decode("utf-8", "replace"))


def _connected(host: str, port: int, context: ssl.SSLContext | None, timeout: float) -> socket.socket:
    sock = socket.create_connection((host, port), timeout)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock if context is None else context.wrap_socket(sock, server_hostname=host)
    except BaseException:
        sock.close()
        raise


class _Prepared(requests.PreparedRequest):
    """The request of a connection, made once; each time the parts that change are replaced.

    They are well-formed: to prepare each of them by ``requests`` costs more than to send them.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.encoded = b""

    def change(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Replace method, path and headers. Raises ``ValueError`` for a header with a line break."""
        self.method = method
        others = dict(headers)
        host = others.pop("Host", None) or urlsplit(str(self.url)).netloc
        self.encoded = encode_request(method, path, host, others)


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
    """Sends requests over the socket of an ``HttpConnection``, and raises that socket's errors as they are."""

    def __init__(self, connected: Callable[[], BoundedSocket | None]) -> None:
        super().__init__()
        self._connected = connected
        self._response = requests.Response()  # made once, as nobody keeps it: it costs as much as to parse an answer

    def send(self, request: requests.PreparedRequest, *_arguments: Any, **_named: Any) -> requests.Response:
        sock, response = self._connected(), self._response
        if sock is None or not isinstance(request, _Prepared):
            raise http.client.NotConnected
        sock.send(request.encoded)
        received = sock.receive(_FIRST_READ)
        response.request = request
        response.raw = parse_answer(received) or parsed_response(received, sock, str(request.method))
        response.status_code = response.raw.status
        return response

    def close(self) -> None:
        """Leave the connection open: ``HttpConnection`` closes it."""
