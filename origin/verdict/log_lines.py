r"""Reads the lines of a web server's access log, in the formats Common and Combined of Apache and nginx.

    192.0.2.7 - - [10/Oct/2026:13:55:36 +0000] "GET /images/a/ab/Cat.jpg HTTP/1.1" 200 2326 "-" "Mozilla/5.0"

In front of the client's address there may be host and port, as in Debian's ``other_vhosts_access.log``. Both servers
write quotes, backslashes and bytes that are not printable as ``\"``, ``\\`` and ``\x22``.
"""

import re
from typing import NamedTuple

_LINE = re.compile(
    rb'(?:(?P<host>[^\s:]+):\d+ )?\S+ \S+ [^"]*\[[^\]"]*\] "(?P<request>(?:[^"\\]|\\.)*+)" (?P<status>\d{3})(?: |$)'
).match

_REQUEST = re.compile(rb"(?P<method>[A-Za-z]+) (?P<target>.+?)(?: HTTP/[\d.]+)?", re.DOTALL).fullmatch

_ESCAPE = re.compile(rb'\\(?:x([0-9A-Fa-f]{2})|(["\\]))')

_WHOLE_URL = re.compile(r"(?i)https?://([^/?#]*)").match


class LoggedRequest(NamedTuple):
    """A request in a log: method, host (empty: the log has none), path with query as latin-1, and the status."""

    method: str
    host: str
    target: str
    status: int


def read_line(line: bytes) -> LoggedRequest | None:
    """Read a line. None: it is in another format. A request that is none of HTTP, as of a port scan, has no method."""
    found = _LINE(line.rstrip(b"\r\n"))
    if found is None:
        return None
    host, status = (found["host"] or b"").decode("latin-1"), int(found["status"])
    request = _REQUEST(_ESCAPE.sub(_unescaped, found["request"]))
    if request is None:
        return LoggedRequest("", host, "", status)
    own_host, target = split_url(request["target"].decode("latin-1"))
    return LoggedRequest(request["method"].decode(), own_host or host, target, status)


def split_url(url: str) -> tuple[str, str]:
    """Split ``https://host/path?query`` into host, and path with query; the host of ``/path`` is empty."""
    whole = _WHOLE_URL(url)
    return (whole[1], url[whole.end() :] or "/") if whole else ("", url)


def _unescaped(escape: re.Match[bytes]) -> bytes:
    return bytes.fromhex(escape[1].decode()) if escape[1] else escape[2]
