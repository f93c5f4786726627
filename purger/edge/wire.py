"""Encodes requests, and parses the answers that purge listeners give: short ones with a length. No socket here.

The standard library's client parses any answer, but takes ten times as long. ``connection.py`` leaves to it the answers
that are not parsed here.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

#: The head of an answer of HTTP/1.1: the status line, and fields of one line each. Informational answers are not here.
_HEAD = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2})(?: [^\r\n]*)?\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n]*\r\n)*)\r\n")

#: Most fields of a head, as in the standard library's client.
_MOST_FIELDS = 100


class ShortAnswer(NamedTuple):
    """A whole answer, after which the connection is kept. Names of ``headers`` are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def encode_request(method: str, path: str, host: str, headers: Mapping[str, str]) -> bytes:
    """Encode a request without a body. Raises ``ValueError`` for a line break inside of a field."""
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    text = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n"
    lines = len(headers) + 3
    if text.count("\n") != lines or text.count("\r") != lines:
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
    head = _HEAD.match(received)
    if head is None:
        return None
    lines = head[2].decode("latin-1").split("\r\n")[:-1]
    headers = combined((name, value) for name, _, value in (line.partition(":") for line in lines))
    body = received[head.end() :]
    if (
        len(lines) > _MOST_FIELDS
        or "transfer-encoding" in headers
        or headers.get("connection", "keep-alive").lower() != "keep-alive"
        or headers.get("content-length") != str(len(body))
        or head[1] in (b"204", b"304")
    ):
        return None
    return ShortAnswer(int(head[1]), headers, body)
