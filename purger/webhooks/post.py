"""Sends one webhook, and believes nothing of the answer but its status.

A receiver is a stranger: its answer may take some seconds only, its body is not read, and a redirection is an
error, so that nothing is sent to a URL that nobody configured.
"""

import http.client
import re
import socket
import ssl
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from purger.edge.credentials import CredentialError, TlsFiles
from purger.edge.deadline import BoundedSocket, parsed_response

#: Seconds for TCP, and again for TLS.
_CONNECT = 3.0

#: Seconds for the request and the head of its answer.
_ANSWER = 5.0

#: Bytes of the first read of an answer.
_FIRST_READ = 4096


class UnusableReceiverUrlError(ValueError):
    """A text is no URL of a receiver. The message says why, and shows nothing of the URL, which may hold a secret."""


class PostError(Exception):
    """A receiver did not take a webhook. The message says why; ``lives``: it answers, and refused only this one."""

    def __init__(self, text: str, *, lives: bool = False) -> None:
        super().__init__(text)
        self.lives = lives


class ReceiverUrl(NamedTuple):
    """The parts of a receiver's URL."""

    scheme: str
    host: str
    port: int
    authority: str  # the value of Host
    target: str  # path and query

    @classmethod
    def parse(cls, text: str) -> "ReceiverUrl":
        """Split a URL. Raises ``UnusableReceiverUrlError``."""
        try:
            parts = urlsplit(text)
            scheme, host, port = parts.scheme, parts.hostname, parts.port
        except ValueError:
            raise UnusableReceiverUrlError("it is not a URL") from None
        if scheme not in ("http", "https") or not host or not re.fullmatch(r"[!-~]+", text):
            raise UnusableReceiverUrlError("it is not an http:// or https:// URL of printable ASCII with a host")
        if "@" in parts.netloc or parts.fragment:
            raise UnusableReceiverUrlError("it has a user, a password or a fragment, none of which is sent")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(scheme, host, port or (443 if scheme == "https" else 80), parts.netloc, target)


def post(url: str, body: bytes, headers: Mapping[str, str], ca_file: str | None) -> None:
    """Send ``body``, JSON, to a receiver. Raises ``PostError`` unless the answer is a 2xx."""
    try:
        status = _status(ReceiverUrl.parse(url), body, headers, TlsFiles(ca_file))
    except (UnusableReceiverUrlError, CredentialError) as error:
        raise PostError(str(error)) from None
    except ssl.SSLCertVerificationError:
        raise PostError("its certificate is not trusted") from None
    except TimeoutError:
        raise PostError(f"no answer within {_ANSWER:g} s") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise PostError(getattr(error, "strerror", None) or "the answer is no HTTP, or broke off") from None
    if 300 <= status < 400:
        raise PostError(f"it answered {status}: redirections are not followed")
    if not 200 <= status < 300:
        raise PostError(f"it answered {status}", lives=400 <= status < 500 and status not in (408, 429))


def _status(url: ReceiverUrl, body: bytes, headers: Mapping[str, str], files: TlsFiles) -> int:
    lines = [
        f"POST {url.target} HTTP/1.1",
        f"Host: {url.authority}",
        "User-Agent: edge-takedown",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    with _connected(url, files) as sock:
        bounded = BoundedSocket(sock, idle=_ANSWER)
        bounded.deadline = time.monotonic() + _ANSWER
        bounded.send("\r\n".join([*lines, "", ""]).encode("ascii") + body)
        with parsed_response(bounded.receive(_FIRST_READ), bounded, "POST") as response:
            return response.status


def _connected(url: ReceiverUrl, files: TlsFiles) -> socket.socket:
    sock = socket.create_connection((url.host, url.port), _CONNECT)
    try:
        return files.load().wrap_socket(sock, server_hostname=url.host) if url.scheme == "https" else sock
    except BaseException:
        sock.close()
        raise
