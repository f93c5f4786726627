"""Makes the header of a request to a purge listener, and a ``DeliveryError`` of what ended it."""

import http.client
import ssl

from purger.edge.credentials import CredentialError, TokenFile
from purger.edge.errors import DeliveryError, MalformedError, RefusedError, UnreachableError, UntrustedError
from purger.edge.purge_request import Request
from takedown_base.printable import printable

#: Errors by which a TLS connection ends without a verdict on a certificate.
_ENDS = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)

#: Most characters of a cause in a message.
_SHOWN = 160


def token_in(token_file: TokenFile) -> str:
    """Return the token in a file. Raises ``RefusedError``."""
    try:
        return token_file.token()
    except CredentialError as error:
        raise RefusedError(str(error)) from None


def headers_of(request: Request, instance: str | None, token: str) -> dict[str, str]:
    """Return the headers of ``request``, only for the varnishd ``instance`` if one is named.

    Raises ``MalformedError``.
    """
    headers = dict(request.headers)
    if instance is not None:
        headers["If-Match"] = f'"{instance}"'
    if not all(value.isascii() and value.isprintable() for value in headers.values()):
        raise MalformedError(f"HTTP cannot send {printable(headers)[:_SHOWN]}")
    headers["Authorization"] = f"Bearer {token}"
    headers["User-Agent"] = "edge-takedown-purger"
    return headers


def connect_error(url: str, error: Exception) -> DeliveryError:
    """Make the error of a connection to ``url`` (as it is shown) that could not be opened."""
    if isinstance(error, CredentialError):
        return UntrustedError(str(error))
    return exchange_error(url, error, awaits_verdict=False)


def exchange_error(url: str, error: Exception, *, awaits_verdict: bool) -> DeliveryError:
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


#: The errors of which ``exchange_error`` makes another one.
EXCHANGE_ERRORS = (OSError, http.client.HTTPException, ValueError)


def _cause(error: BaseException) -> str:
    """Name an error and its text on one line."""
    text = printable(" ".join(str(error).split())[:_SHOWN])
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
