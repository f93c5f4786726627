"""Sends one request at a time to an edge's purge listener, and returns the acknowledgement or raises an error."""

import http.client
import math
import ssl
from functools import partial
from pathlib import Path
from urllib.parse import quote

from purger.edge.answer import EdgeAnswer
from purger.edge.connection import HttpConnection, Reply
from purger.edge.credentials import CredentialError, TlsFiles, TokenFile
from purger.edge.errors import (
    DeliveryError,
    MalformedError,
    RefusedError,
    SlowError,
    UnreachableError,
    UntrustedError,
)
from purger.edge.instance_proof import InstanceProof
from purger.edge.purge_request import Request, at_position
from purger.edge.url import UnusableEdgeUrlError, shown
from purger.model import Edge, Position
from takedown_base.printable import printable

#: The request that asks for an edge's instance, clock and mode.
_HEARTBEAT = Request("HEARTBEAT", "/")

#: Errors by which a TLS connection ends without a verdict on a certificate.
_ENDS = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)

#: Most characters of a cause in a message.
_SHOWN = 160


class EdgeClient:
    """A client of one edge's purge listener, with one persistent connection; for one thread.

    Every method raises a ``DeliveryError`` unless the edge acknowledged.
    """

    def __init__(self, edge: Edge, *, connect_timeout: float, read_timeout: float) -> None:
        """Connect at the first request. Times in seconds; ``read_timeout`` is for a whole request with its answer."""
        self._url = shown(edge.purge_url)
        self._token_file = TokenFile(Path(edge.token_file))
        files = TlsFiles(edge.ca_file, edge.certificate_file, edge.key_file)
        self._new_connection = partial(
            HttpConnection, edge.purge_url, files, connect_timeout=connect_timeout, read_timeout=read_timeout
        )
        self._connection = self._new_connection()
        #: The reason why the last heartbeat that was to go over a new connection went over the one before.
        self.not_renewed: DeliveryError | None = None

    def ask(self, instance: str | None = None) -> EdgeAnswer:
        """Ask for instance, clock and mode; with ``instance`` only of that varnishd."""
        return self.send(_HEARTBEAT, instance)

    def proof(self, instance: str) -> InstanceProof:
        """Return what proves that an answer of the public listener is one of ``instance``, after it was asked."""
        return InstanceProof(self._token_file.token(), instance)

    def heartbeat(
        self, instance: str, epoch: str, position: Position, *, renew_within: float | None = None
    ) -> EdgeAnswer:
        """Confirm that the edge has everything that was committed before ``epoch``, its own clock as it wrote it.

        The edge accepts it only at ``position``. With ``renew_within`` it goes over a new connection, or over the
        present one where the new one gives no answer within so many seconds.
        """
        request = Request("HEARTBEAT", "/", (("Takedown-Epoch", epoch), *at_position(position)))
        if renew_within is None:
            return self.send(request, instance)
        return self._send_anew(request, instance, renew_within)

    def renew(self) -> None:
        """Send the next request over a new connection: a persistent one hides other varnishds at the address."""
        self._connection.close()

    def send(self, request: Request, instance: str | None) -> EdgeAnswer:
        """Send ``request``, only to the varnishd ``instance`` if one is named, and read the answer."""
        headers = dict(request.headers)
        if instance is not None:
            headers["If-Match"] = f'"{instance}"'
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            raise MalformedError(f"HTTP cannot send {printable(headers)[:_SHOWN]}")
        try:
            headers["Authorization"] = f"Bearer {self._token_file.token()}"
        except CredentialError as error:
            raise RefusedError(str(error)) from None
        headers["User-Agent"] = "edge-takedown-purger"
        # Before anything is sent, so that no server but the intended one gets the token.
        self._connect()
        try:
            return EdgeAnswer.read(self._exchange(request, headers))
        except RefusedError:
            self._token_file.refused()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _send_anew(self, request: Request, instance: str, within: float) -> EdgeAnswer:
        """Send a request over a new connection, which then replaces the present one.

        Slow clients can hold all threads of an edge but those of its present connections, which must go on.
        """
        present, self._connection = self._connection, self._new_connection()
        self._connection.within = within
        try:
            answer = self.send(request, instance)
        except (SlowError, UnreachableError) as error:
            self.not_renewed = error
            self._connection.close()
            self._connection = present
            return self.send(request, instance)
        except BaseException:
            present.close()
            raise
        finally:
            self._connection.within = math.inf
        self.not_renewed = None
        present.close()
        return answer

    def _connect(self) -> None:
        try:
            self._connection.connect()
        except CredentialError as error:
            raise UntrustedError(str(error)) from None
        except ssl.SSLError as error:
            raise self._ended(error) from None
        except (OSError, UnusableEdgeUrlError) as error:
            raise UnreachableError(f"{self._url}: {_cause(error)}") from None

    def _exchange(self, request: Request, headers: dict[str, str]) -> Reply:
        try:
            return self._connection.request(request.method, quote(request.path), headers)
        except TimeoutError:
            raise SlowError(f"no whole answer to {request.method} within {self._connection.patience:g} s") from None
        except (ssl.SSLError, ConnectionResetError, BrokenPipeError) as error:
            raise self._ended(error) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise UnreachableError(f"{self._url}: {_cause(error)}") from None

    def _ended(self, error: OSError) -> UntrustedError | UnreachableError:
        """Distinguish a connection that broke off from one whose ends do not trust each other, or do not speak TLS."""
        if not isinstance(error, ssl.SSLError) or isinstance(error, _ENDS) or error.library == "SYS":
            if self._connection.awaits_verdict:
                # With TLS 1.3 a server judges the client's certificate after the client has begun to send; the reset
                # that follows often overtakes its alert.
                return UntrustedError(
                    f"{self._url}: ended the connection after the handshake; it may not take this purger's certificate"
                )
            return UnreachableError(f"{self._url}: {_cause(error)}")
        reason = getattr(error, "verify_message", None) or _cause(error)
        return UntrustedError(f"{self._url}: {reason}; see CA, certificate and host name of this edge")


def _cause(error: BaseException) -> str:
    """Name an error and its text on one line."""
    text = printable(" ".join(str(error).split())[:_SHOWN])
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
