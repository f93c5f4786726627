"""Reads the path and query of a URL as web servers do, and refuses each spelling that two of them could read apart.

A rule must never miss an image for its spelling: a URL that is refused shows nothing, whatever it would have led to.
"""

import re
from collections.abc import Collection
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

#: Bytes of the longest path.
LONGEST_PATH = 2048

#: Bytes of the longest query of which parameters are read.
LONGEST_QUERY = 8192

_MALFORMED_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})").search

#: Bytes after which programs end a path or a segment, or read it in another way, escaped or not.
_AMBIGUOUS = re.compile(rb"(?i)%(?:2f|5c|[01][0-9a-f]|7f)|[\x00-\x20\x7f#\\]").search

#: Finds escapes in a path that was read: a program that takes them out twice would read another path.
_ESCAPED_ONCE_MORE = re.compile("%[0-9A-Fa-f]{2}").search

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]").search


class UnreadableUrlError(ValueError):
    """A URL that no rule may guess. The message says why."""


class ReadUrl(NamedTuple):
    """A host in lower case without its port; the path with its escapes taken out; the query as it was sent."""

    host: str
    path: str
    query: str = ""


def read_url(host: str, target: str) -> ReadUrl:
    """Read the value of a field Host and a path with its query, both as latin-1. Raises ``UnreadableUrlError``."""
    path, _, query = target.partition("?")
    return ReadUrl(_read_host(host), _read_path(path.encode("latin-1")), query)


def read_parameters(query: str, wanted: Collection[str]) -> dict[str, str]:
    """Read the ``wanted`` parameters of a query; those that it does not have are empty. Raises ``UnreadableUrlError``.

    Refuses one that comes twice, or under a name that a program may take for it: of two values some take the first
    and some the last, and PHP reads ``a[]``, ``a.b`` and `` a`` as ``a`` and ``a_b``.
    """
    raw = query.encode("latin-1")
    if len(raw) > LONGEST_QUERY:
        raise UnreadableUrlError(f"its query has more than {LONGEST_QUERY} bytes")
    if b";" in raw:
        raise UnreadableUrlError("its query has a ;, which some programs take for a &")
    found = dict.fromkeys(wanted, "")
    seen = set[str]()
    for part in raw.split(b"&"):
        name, _, value = (_decode(each.replace(b"+", b" ")) for each in part.partition(b"="))
        for parameter in wanted:
            if _as_php_reads(name) == _as_php_reads(parameter):
                if name != parameter or parameter in seen:
                    raise UnreadableUrlError(f"its parameter {parameter} comes twice, or in another spelling")
                seen.add(parameter)
                found[parameter] = value
    return found


def _read_host(host: str) -> str:
    """Return a host as servers compare it: without its case, its port and the dot at its end."""
    return re.sub(r":\d*$", "", host.lower()).removesuffix(".")


def _read_path(path: bytes) -> str:
    if len(path) > LONGEST_PATH:
        raise UnreadableUrlError(f"its path has more than {LONGEST_PATH} bytes")
    if not path.startswith(b"/"):
        raise UnreadableUrlError("its path does not begin with /")
    if _AMBIGUOUS(path):
        raise UnreadableUrlError(
            "its path has a control character, a space, a # or a \\, or an escaped one of / and \\"
        )
    text = _decode(path)
    if _ESCAPED_ONCE_MORE(text):
        raise UnreadableUrlError("its path is escaped twice")
    if "//" in text:
        raise UnreadableUrlError("its path has an empty segment")
    if any(segment in (".", "..") for segment in text.split("/")):
        raise UnreadableUrlError("its path has a segment . or ..")
    return text


def _decode(part: bytes) -> str:
    """Take the escapes out of a part of a URL."""
    if _MALFORMED_ESCAPE(part):
        raise UnreadableUrlError("it has a % without two hex digits behind it")
    try:
        text = unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        raise UnreadableUrlError("it is not UTF-8") from None
    if _CONTROL(text):
        raise UnreadableUrlError("it has a control character")
    return text


def _as_php_reads(name: str) -> str:
    return re.split(r"\[", name.lstrip(" "), maxsplit=1)[0].replace(".", "_").replace(" ", "_")
