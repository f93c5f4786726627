"""Encodes requests, and parses the answers that purge listeners give: short ones with a length. No socket here.

The standard library's client parses any answer, but takes ten times as long. ``connection.py`` and ``parse_any`` leave
to it the answers that are not parsed here.
"""

import http.client
import io
import re
import socket
from collections.abc import Iterable, Mapping
from typing import NamedTuple, cast

#: The head of an answer of HTTP/1.1: the status line, and fields of one line each. Informational answers are not here.
_HEAD = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2})(?: [^\r\n]*)?\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n]*\r\n)*)\r\n")

#: The length of a body.
_LENGTH = re.compile(r"0|[1-9][0-9]{0,8}")

#: Most fields of a head, as in the standard library's client.
_MOST_FIELDS = 100

#: Most bytes of an answer's body that are read. A purge listener sends one line; another server might never end.
MOST_BODY = 4096


class ShortAnswer(NamedTuple):
    """A whole answer, after which the connection is kept. Names of ``headers`` are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def encode_request(method: str, path: str, host: str, headers: Mapping[str, str]) -> bytes:
    """Encode a request without a body. Raises ``ValueError`` for a line break inside of a field."""
    fields = (f"{name}: {value}" for name, value in headers.items())
    return encode_lines(f"{method} {path} HTTP/1.1", f"Host: {host}", *fields, "")


def encode_lines(*lines: str) -> bytes:
    """Encode lines of a head. Raises ``ValueError`` for a line break inside of one."""
    text = "\r\n".join((*lines, ""))
    if text.count("\n") != len(lines) or text.count("\r") != len(lines):
        raise ValueError("a field with a line break would be two")
    return text.encode("latin-1")


def combined(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Combine the fields of a head by name, in lower case: values of one name as a list (RFC 9110, section 5.3)."""
    headers: dict[str, str] = {}
    for name, text in fields:
        key, value = name.lower(), text.strip(" \t")
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


def parse_answer(received: bytes) -> ShortAnswer | None:
    """Parse an answer; return None when it has not come whole, or when its form asks for more than this."""
    answer, size = parse_first(received) or (None, 0)
    return answer if size == len(received) else None


def parse_first(received: bytes) -> tuple[ShortAnswer, int] | None:
    """Parse the first of the answers to requests in flight, as ``parse_answer`` does; return it and its size."""
    head = _HEAD.match(received)
    if head is None:
        return None
    fields = [line.partition(":") for line in head[2].decode("latin-1").split("\r\n")[:-1]]
    headers = {name.lower(): value.strip(" \t") for name, _, value in fields}
    if len(headers) < len(fields):
        headers = combined((name, value) for name, _, value in fields)
    length = headers.get("content-length", "")
    size = head.end() + int(length) if _LENGTH.fullmatch(length) else len(received) + 1
    if (
        len(fields) > _MOST_FIELDS
        or "transfer-encoding" in headers
        or headers.get("connection", "keep-alive").lower() != "keep-alive"
        or size > len(received)
        or head[1] in (b"204", b"304")
    ):
        return None
    return ShortAnswer(int(head[1]), headers, received[head.end() : size]), size


class Answer(NamedTuple):
    """Any answer, with the beginning of its body, and the bytes that it took of what was received."""

    answer: ShortAnswer
    size: int
    ends_connection: bool


def parse_any(received: bytes, method: str, *, ended: bool) -> Answer | None:
    """Parse the first answer in ``received``; return None when more has to come. ``ended``: nothing more comes.

    Raises ``http.client.HTTPException`` and ``OSError``.
    """
    if not ended and b"\n\r\n" not in received and b"\n\n" not in received:
        return None
    source = _Received(received, ended=ended)
    response = http.client.HTTPResponse(cast(socket.socket, source), method=method)
    try:
        response.begin()
        source.in_head = False
        body = response.read(MOST_BODY)
    except _MoreToComeError:
        return None
    if len(body) < MOST_BODY and response.length:
        raise http.client.IncompleteRead(body, response.length)
    answer = ShortAnswer(response.status, combined(response.headers.items()), body)
    return Answer(answer, source.tell(), response.will_close or not response.isclosed())


class _MoreToComeError(Exception):
    """More has to come of the answer."""


class _Received(io.BytesIO):
    """The bytes of an answer so far. http.client takes it for a socket, and for the file that it makes of one."""

    def __init__(self, received: bytes, *, ended: bool) -> None:
        super().__init__(received)
        self._ended = ended
        self.in_head = True  # http.client takes the end of a connection for the end of the headers

    def makefile(self, _mode: str) -> "_Received":
        return self

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        return line if line.endswith(b"\n") or len(line) == size else self._short(line)

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        return data if len(data) == size else self._short(data)

    def close(self) -> None:
        """Stay open: ``tell`` is asked after the end of the answer."""

    def _short(self, data: bytes) -> bytes:
        if not self._ended:
            raise _MoreToComeError
        if self.in_head and not data:
            raise ConnectionError("the connection ended before the headers of the answer did")
        return data
