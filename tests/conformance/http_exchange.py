"""Send one HTTP request over a connection of its own, with its bytes as they are given, and read the answer."""

import http.client
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

#: Seconds for which an answer may be silent.
TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; the names of its headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __str__(self) -> str:
        return f"{self.status} {http.client.responses.get(self.status, '')}".strip()


def exchange(
    url: str, method: str, path: str, headers: Mapping[str, str], *, begun: threading.Event | None = None
) -> Reply:
    """Send a request to the listener at ``url``, and set ``begun`` when the head of the answer has come.

    Raises ``OSError`` or ``HTTPException`` without a whole answer.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(str(parts.hostname), parts.port, timeout=TIMEOUT)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        if begun:
            begun.set()
        body = response.read()
        return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, body)
    finally:
        connection.close()
