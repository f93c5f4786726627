"""Reads the head of an HTTP/1 request: request line, fields and framing (RFC 9112), strictly.

Every server between a client and the origin has to agree on where a request ends. A head that two of them may read in
two ways is refused, and the connection ends with it.
"""

import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

#: 4 KB more than an edge takes (http_req_size, docs/operate/edge.md): it adds fields of its own to a fetch, and a head
#: must not be small enough for a hit and too large for a miss.
MAX_HEAD_BYTES = 36 * 1024

#: The limit of a Varnish with http_max_hdr=128 (docs/operate/edge.md).
MAX_FIELDS = 128

MAX_BODY_BYTES = 64 * 1024

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_HOST = rb"(?:[0-9A-Za-z._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?"
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([!-~\x80-\xff]+) HTTP/([0-9])\.([0-9])\r\n").fullmatch
_ABSOLUTE_FORM = re.compile(rb"(?i:https?)://(?![/?])" + _HOST + rb"(?P<rest>[/?].*)?").fullmatch
#: No control character but the tab: some servers take a lone CR for the end of a line.
_FIELD = re.compile(rb"(" + _TOKEN + rb"):([\t -~\x80-\xff]*)\r\n").fullmatch
_VALID_HOST = re.compile(_HOST).fullmatch
_LENGTH = re.compile(rb"[0-9]{1,18}").fullmatch

Fields = dict[bytes, bytes]


class RefusedHeadError(Exception):
    """A request is refused. ``status`` is the code and reason of the status line; the message says why."""

    def __init__(self, status: str, text: str) -> None:
        super().__init__(text)
        self.status = status


class Head(NamedTuple):
    """A request's head. ``path`` is percent-decoded, the names in ``fields`` are in Title-Case."""

    method: bytes
    target: bytes
    path: bytes
    query: bytes
    minor: int
    fields: Fields
    chunked: bool
    close: bool


def read_head(readline: Callable[[int], bytes], max_body: int | None = MAX_BODY_BYTES) -> Head | None:
    """Read one head; None where the peer has closed. Raises ``RefusedHeadError``.

    ``readline`` takes the length of the longest line to return, in bytes. ``max_body`` is the longest Content-Length;
    None leaves it to the caller.
    """
    line = readline(MAX_HEAD_BYTES + 1)
    if line == b"\r\n":  # an empty line that a client may send between two requests (RFC 9112, 2.2)
        line = readline(MAX_HEAD_BYTES + 1)
    if not line:
        return None
    if len(line) > MAX_HEAD_BYTES:
        raise RefusedHeadError("414 URI Too Long", "The request line is too long.")
    match = _REQUEST_LINE(line)
    if match is None:
        raise _malformed("The request line is malformed.")
    method, target, major, minor = match.groups()
    if major != b"1":
        raise RefusedHeadError("505 HTTP Version Not Supported", "Only HTTP/1 is spoken here.")
    path, _, query = _origin_form(method, target).partition(b"?")
    fields = _read_fields(readline, MAX_HEAD_BYTES - len(line))
    _check_host(fields, minor != b"0")
    chunked = _frame(fields, minor != b"0", max_body)
    return Head(method, target, _decode(path), query, int(minor), fields, chunked, chunked or _closes(fields, minor))


def _origin_form(method: bytes, target: bytes) -> bytes:
    """Reduce the request's target to path and query (3.2): a server has to accept the absolute form as well."""
    if target.startswith(b"/"):
        if b"#" in target:
            raise _malformed("The request's target has a fragment.")
        return target
    if match := _ABSOLUTE_FORM(target):
        rest: bytes = match["rest"] or b"/"
        return rest if rest.startswith(b"/") else b"/" + rest
    if (method, target) == (b"OPTIONS", b"*") or method == b"CONNECT":
        return b"/"
    raise _malformed("The request's target is neither a path nor a URL.")


def _decode(path: bytes) -> bytes:
    """Decode percent-encoding, except an encoded slash, which separates nothing."""
    if b"%" not in path:
        return path
    return b"%2F".join(map(unquote_to_bytes, re.split(rb"(?i)%2F", path)))


def _read_fields(readline: Callable[[int], bytes], budget: int) -> Fields:
    """Read the fields, at most ``budget`` bytes of them. Values of one name are joined by commas (RFC 9110, 5.3).

    Drops fields with an underscore in their name: WSGI gives If_None_Match the name of If-None-Match. An edge removes
    only the latter from a fetch, and the 304 that it then gets is a 503 for all clients that wait for the image.
    """
    fields: Fields = {}
    for _ in range(MAX_FIELDS + 1):
        line = readline(budget + 1)
        if line == b"\r\n":
            return fields
        budget -= len(line)
        if budget < 0:
            break
        match = _FIELD(line)
        if match is None:
            raise _malformed(_why_malformed(line))
        name, value = match[1].title(), match[2].strip(b" \t")
        if name in fields:
            value = _joined(name, fields[name], value)
        if b"_" not in name:
            fields[name] = value
    raise RefusedHeadError("431 Request Header Fields Too Large", "The request's fields are too large, or too many.")


def _joined(name: bytes, earlier: bytes, value: bytes) -> bytes:
    """Join two lines of a field. A field that may occur only once gets a value that is malformed, and so ignored."""
    if name == b"Host":
        raise _malformed("Host is given twice.")
    if name == b"Content-Length" and earlier == value:  # 6.3: a list of the same number is that number
        return value
    return earlier + b", " + value


def _why_malformed(line: bytes) -> str:
    if not line.endswith(b"\r\n"):
        return "The request's fields end early, or with no CR LF."
    if line[:1] in b" \t":
        return "A field is folded over two lines."
    if re.match(_TOKEN + rb"[ \t]+:", line):
        return "A space is before a field's colon."
    return "A field is malformed."


def _check_host(fields: Fields, required: bool) -> None:
    """Refuse a request with a malformed Host, or without one where ``required`` (3.2; HTTP/1.0 does not)."""
    host = fields.get(b"Host")
    if host is None:
        if required:
            raise _malformed("Host is missing.")
    elif _VALID_HOST(host) is None:
        raise _malformed("Host is malformed.")


def _frame(fields: Fields, knows_codings: bool, max_body: int | None) -> bool:
    """Tell whether the body is chunked. Raises ``RefusedHeadError`` where its end is ambiguous (6.1, 6.3)."""
    length, coding = fields.get(b"Content-Length"), fields.get(b"Transfer-Encoding")
    if coding is not None:
        if length is not None or not knows_codings:
            raise _malformed("Transfer-Encoding beside Content-Length, or in HTTP/1.0.")
        if coding.lower() != b"chunked":
            raise RefusedHeadError("501 Not Implemented", "Only the transfer coding chunked is understood, once.")
        return True
    if length is not None:
        if _LENGTH(length) is None:
            raise _malformed("Content-Length is not a number.")
        if max_body is not None and int(length) > max_body:
            raise RefusedHeadError("413 Content Too Large", f"A body may have {max_body} bytes here.")
    return False


def _closes(fields: Fields, minor: bytes) -> bool:
    """Tell whether the connection ends with this request (9.3). Options of Connection are case-insensitive."""
    connection = fields.get(b"Connection")
    if connection is None:
        return minor == b"0"
    options = {option.strip(b" \t") for option in connection.lower().split(b",")}
    return b"close" in options or (minor == b"0" and b"keep-alive" not in options)


def _malformed(text: str) -> RefusedHeadError:
    return RefusedHeadError("400 Bad Request", text)
