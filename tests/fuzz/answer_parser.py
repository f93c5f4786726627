"""Parse the bytes that a server sent as HTTP/1.1 answers (RFC 9112), strictly."""

import re
from dataclasses import dataclass

_STATUS = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) ([\t\x20-\x7e\x80-\xff]*)\r\n")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*\r\n")


class GarbledError(Exception):
    """The bytes are no sequence of answers. The message names the first byte that is wrong."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. ``cut`` tells that it ended before its announced length."""

    status: int
    reason: bytes
    headers: dict[bytes, bytes]
    body: bytes
    cut: bool


def parse_answers(received: bytes) -> list[Answer]:
    """Parse answers, and leave out interim ones (1xx). Raises ``GarbledError``.

    The method that the server understood is not known, so an answer counts as one to HEAD when another answer, or
    nothing, follows its headers: no body of the stack begins like an answer.
    """
    found, at = [], 0
    while at < len(received):
        status = _STATUS.match(received, at)
        if not status:
            raise GarbledError(f"no answer begins at byte {at}: {received[at : at + 80]!r}")
        headers, at = _headers(received, status.end())
        number = int(status[1])
        body, cut, at = (b"", False, at) if _bare(number, received, at) else _body(headers, received, at)
        if number >= 200:
            found.append(Answer(number, status[2], headers, body, cut))
    return found


def _headers(received: bytes, at: int) -> tuple[dict[bytes, bytes], int]:
    headers: dict[bytes, bytes] = {}
    while not received.startswith(b"\r\n", at):
        line = _HEADER.match(received, at)
        if not line:
            raise GarbledError(f"no header at byte {at}: {received[at : at + 80]!r}")
        headers[line[1].lower()] = line[2]
        at = line.end()
    return headers, at + 2


def _bare(status: int, received: bytes, at: int) -> bool:
    return status < 200 or status in (204, 304) or at == len(received) or bool(_STATUS.match(received, at))


def _body(headers: dict[bytes, bytes], received: bytes, at: int) -> tuple[bytes, bool, int]:
    if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        return _chunks(received, at)
    if b"content-length" not in headers:
        return received[at:], False, len(received)
    end = at + int(headers[b"content-length"])
    return received[at:end], end > len(received), min(end, len(received))


def _chunks(received: bytes, at: int) -> tuple[bytes, bool, int]:
    body = bytearray()
    while line := re.compile(rb"([0-9A-Fa-f]+)\r\n").match(received, at):
        size, at = int(line[1], 16), line.end()
        body += received[at : at + size]
        at += size + 2
        if not size:
            return bytes(body), False, at
    return bytes(body), True, len(received)
