"""Count the well-formed commands for the purge listener in a sequence of bytes (docs/reference/protocol.md)."""

import re

_FOLD = re.compile(rb"(?<![\r\n])\r?\n[ \t]+")
_REQUEST = re.compile(
    rb"(PURGE|BAN|HEARTBEAT)[ \t]+(?:https?://[^\s/]+)?(\S+)[ \t]+(?i:HTTP)/1\.[0-9]\r?\n((?:[^\r\n]+\r?\n)*)\r?\n"
)
_TAG = rb"(?:[io]:[A-Za-z0-9_-]{1,64}|d:[0-9a-f]{64})"


def count_commands(sent: bytes, token: str) -> int:
    """Count the commands that bear the token. Line ends, folds and "http" are accepted as Varnish does."""
    return sum(_acts(found[1], found[2], found[3], token) for found in _REQUEST.finditer(_FOLD.sub(b" ", sent)))


def _acts(method: bytes, target: bytes, lines: bytes, token: str) -> bool:
    headers: dict[bytes, list[bytes]] = {}
    for line in lines.splitlines():
        name, _, value = line.partition(b":")
        headers.setdefault(name.lower(), []).append(value.strip())
    if not any(
        re.fullmatch(rb"(?i:bearer)[ ]+" + re.escape(token.encode()), said)
        for said in headers.get(b"authorization", [])
    ):
        return False
    tags = headers.get(b"takedown-tags")
    if method == b"PURGE" and tags:
        return target == b"/" and bool(re.fullmatch(rb"(?:%b(?:,(?!$)|$))+" % _TAG, b",".join(tags)))
    if method == b"PURGE":
        return bool(re.fullmatch(rb"/images/[A-Za-z0-9_-]{1,64}", target))
    if method == b"HEARTBEAT":
        return target == b"/" and all(
            re.fullmatch(rb"[0-9]{1,11}\.[0-9]{3}", said) for said in headers.get(b"takedown-epoch", [])
        )
    return target == b"/" and headers.get(b"takedown-all") == [b"1"] and not tags
