"""Sends requests to one purge listener, several in flight over one connection.

It is asyncio, as one thread serves all edges: ``requests`` blocks a thread for each request. asyncio brings
connections, TLS, names and timers. A selector of our own would save 14 of about 33 microseconds a request.
"""

import http.client
import math
import ssl
import time
from pathlib import Path
from urllib.parse import urlsplit

from purger.edge.answer import EdgeAnswer
from purger.edge.channel import Awaited, Channel, Ended
from purger.edge.connection import Reply
from purger.edge.credentials import CredentialError, TlsFiles, TokenFile
from purger.edge.errors import DeliveryError, RefusedError, SlowError, UnreachableError, UntrustedError
from purger.edge.instance_proof import InstanceProof
from purger.edge.purge_request import Request, field_lines
from purger.edge.url import shown, split_url
from purger.edge.wire import encode_lines
from purger.model import Edge
from takedown_base.printable import printable

#: Seconds between two looks at the files of token and TLS. Each look costs as much as an answer. A token that is
#: refused is read again at once.
_LOOK = 3.0

#: Errors by which a TLS connection ends without a verdict on a certificate.
_ENDS = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)

#: Most characters of a cause in a message.
_SHOWN = 160

#: The errors of which ``_exchange_error`` makes another one.
_EXCHANGE_ERRORS = (OSError, http.client.HTTPException, ValueError)


class EdgeLink:
    """A persistent connection to one edge's purge listener; for coroutines of one loop.

    ``start``, ``answer`` and ``send_anew`` raise ``DeliveryError``.
    """

    def __init__(self, edge: Edge, *, connect_timeout: float, read_timeout: float) -> None:
        """Connect at the first request. Times in seconds; ``read_timeout`` is for a whole answer."""
        self._url = edge.purge_url.rstrip("/")
        self._shown = shown(edge.purge_url)
        self._token_file = TokenFile(Path(edge.token_file))
        self._files = TlsFiles(edge.ca_file, edge.certificate_file, edge.key_file)
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._channel: Channel | None = None
        self._token = ""
        self._own_key: tuple[str | None, str] | None = None
        self._own_fields = b""
        self._token_due = self._files_due = 0.0  # when the files are looked at again, by the monotonic clock
        self._has_old_files = False
        #: The reason why the last request that was to go over a new connection went over the one before.
        self.not_renewed: DeliveryError | None = None

    @property
    def is_open(self) -> bool:
        """Whether the next request can go over the present connection. None of files that were replaced can."""
        now = time.monotonic()
        if now >= self._files_due:
            self._files_due = now + _LOOK
            self._has_old_files = self._files.changed()
        return self._channel is not None and self._channel.is_open and not self._has_old_files

    async def start(self, request: Request, instance: str | None) -> Awaited:
        """Send ``request``, only to the varnishd ``instance`` if one is named; ``answer`` takes what is returned.

        Raises ``DeliveryError``.
        """
        data = self._encoded(request, instance)
        # Before anything is sent, so that no server but the intended one gets the token.
        if (channel := self._channel) is None or not self.is_open:
            self.close()
            self._channel = channel = await self._opened(math.inf)
        return channel.send(request.method, data)

    async def answer(self, request: Request, reply: Awaited) -> EdgeAnswer:
        """Wait for the answer to a request that was started."""
        return self._checked(request, await reply, self._read_timeout)

    async def send_anew(self, request: Request, instance: str, within: float) -> EdgeAnswer:
        """Send a request over a new connection, which replaces the present one if it answers ``within`` seconds.

        Otherwise the request goes over the present one. Slow clients can hold all threads of an edge but those of its
        present connections, which must go on. Nothing may be in flight.
        """
        data = self._encoded(request, instance)
        channel = None
        try:
            channel = await self._opened(within)
            reply = channel.send(request.method, data)
            answer = self._checked(request, await reply, min(within, self._read_timeout))
        except (SlowError, UnreachableError) as error:
            self.not_renewed = error
            if channel is not None:
                channel.close()
            return await self.answer(request, await self.start(request, instance))
        except BaseException:
            self.close()
            self._channel = channel
            raise
        self.not_renewed = None
        self.close()
        self._channel = channel
        return answer

    def proof(self, instance: str) -> InstanceProof:
        """Return what proves that an answer of the public listener is one of ``instance``, after it has answered."""
        return InstanceProof(self._token, instance)

    def close(self) -> None:
        """Close the connection: the next request goes over a new one, as a persistent one hides other varnishds."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _encoded(self, request: Request, instance: str | None) -> bytes:
        """Encode what a channel sends of ``request``, only for the varnishd ``instance`` if one is named.

        Raises ``DeliveryError``.
        """
        now = time.monotonic()
        if now >= self._token_due:
            self._token = _token_in(self._token_file)
            self._token_due = now + _LOOK
        if (key := (instance, self._token)) != self._own_key:
            lines = ["User-Agent: edge-takedown-purger"]
            if instance is not None:
                lines += field_lines((("If-Match", f'"{instance}"'),))
            self._own_fields = encode_lines(*lines, f"Authorization: Bearer {self._token}")
            self._own_key = key
        return request.head + self._own_fields

    async def _opened(self, within: float) -> Channel:
        channel = Channel(min(self._read_timeout, within))
        try:
            scheme, host, port = split_url(self._url)
            context = self._files.load() if scheme == "https" else None
            self._has_old_files = False
            timeout = min(self._connect_timeout, within)
            await channel.open(host, port, context, shown=urlsplit(self._url).netloc, timeout=timeout)
        except _EXCHANGE_ERRORS as error:
            channel.close()
            raise _connect_error(self._shown, error) from None
        return channel

    def _checked(self, request: Request, answer: Reply | Ended, patience: float) -> EdgeAnswer:
        if isinstance(answer, Ended):
            if isinstance(answer.cause, TimeoutError):
                raise SlowError(f"no whole answer to {request.method} within {patience:g} s")
            raise _exchange_error(self._shown, answer.cause, awaits_verdict=answer.awaited_verdict)
        try:
            return EdgeAnswer.read(answer)
        except RefusedError:
            self._token_file.refused()
            self._token_due = 0.0
            raise


def _token_in(token_file: TokenFile) -> str:
    """Return the token in a file. Raises ``RefusedError``."""
    try:
        return token_file.token()
    except CredentialError as error:
        raise RefusedError(str(error)) from None


def _connect_error(url: str, error: Exception) -> DeliveryError:
    """Make the error of a connection to ``url`` (as it is shown) that could not be opened."""
    if isinstance(error, CredentialError):
        return UntrustedError(str(error))
    return _exchange_error(url, error, awaits_verdict=False)


def _exchange_error(url: str, error: Exception, *, awaits_verdict: bool) -> DeliveryError:
    """Make the error of a connection that ended before the answer.

    It tells a connection that broke off from one whose ends do not trust each other, or do not speak TLS.
    ``awaits_verdict``: over TLS, and no answer has come yet.
    """
    if isinstance(error, ssl.SSLError) and not isinstance(error, _ENDS) and error.library != "SYS":
        reason = getattr(error, "verify_message", None) or _cause(error)
        return UntrustedError(f"{url}: {reason}; see CA, certificate and host name of this edge")
    if awaits_verdict and isinstance(error, (ssl.SSLError, ConnectionResetError, BrokenPipeError)):
        # With TLS 1.3 a server judges the client's certificate after the client has begun to send; the reset
        # that follows often overtakes its alert.
        return UntrustedError(
            f"{url}: ended the connection after the handshake; it may not take this purger's certificate"
        )
    return UnreachableError(f"{url}: {_cause(error)}")


def _cause(error: BaseException) -> str:
    """Name an error and its text on one line."""
    text = printable(" ".join(str(error).split())[:_SHOWN])
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
