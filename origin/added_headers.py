"""Checks the headers that an operator adds to every answer, for example for CORS."""

import re
from collections.abc import Iterable

from origin.model import Header
from takedown_base.printable import printable

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([!-~](?:[\t -~]*[!-~])?)[ \t]*").fullmatch

#: Bytes of all added headers. An edge takes 8 KB for a line and 32 KB for a head.
_LONGEST = 1000

# Headers that origin or edge sets: they follow from the image, the request or the connection.
_OF_THE_IMAGE = ("accept-ranges", "content-length", "content-range", "content-type", "etag", "last-modified")
_OF_THE_BYTES = ("content-digest", "repr-digest")
_OF_CACHING = ("age", "cache-control", "cdn-cache-control", "date", "expires", "pragma", "surrogate-control", "vary")
_OF_THE_ANSWER = ("allow", "content-encoding", "content-location", "retry-after", "x-content-type-options")
_OF_THE_CONNECTION = ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")
_OF_THE_EDGE = ("cache-status", "server", "set-cookie", "via", "x-powered-by", "x-varnish")
_OWN = frozenset(_OF_THE_IMAGE + _OF_THE_BYTES + _OF_CACHING + _OF_THE_ANSWER + _OF_THE_CONNECTION + _OF_THE_EDGE)
_OWN_PREFIX = "takedown-"


def parse_header(line: str) -> Header:
    """Read ``Name: value``. Raises ``ValueError`` with the reason."""
    match = _HEADER(line)
    if match is None:
        raise ValueError(f"'{printable(line)}' is not 'Name: value' in printable ASCII")
    name, value = match.groups()
    if name.lower() in _OWN or name.lower().startswith(_OWN_PREFIX):
        raise ValueError(f"{name} is a header that origin or edge sets itself")
    return name, value


def require_distinct(headers: Iterable[Header]) -> tuple[Header, ...]:
    """Return the headers. Raises ``ValueError`` where a name occurs twice, or they are too long."""
    checked = tuple(headers)
    names = [name.lower() for name, _ in checked]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name} is given twice: its values belong in one header, separated by commas")
    if sum(len(name) + len(value) + 4 for name, value in checked) > _LONGEST:
        raise ValueError(f"the headers are longer than {_LONGEST} bytes in all")
    return checked
