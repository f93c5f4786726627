"""Checks what the origin reads from the database before any header or path is made of it.

The schema refuses such values, but a session may have switched its checks off, and a table may have been made by hand.
"""

import re
from datetime import datetime

from database.text import printable
from origin.answers import Found
from origin.names import is_code

_LARGEST = 1 << 40  # bytes
_SHOWN = 80  # characters of a value in a message
_CONTENT_TYPE = re.compile(r"image/[a-z0-9][a-z0-9.+-]{0,57}").fullmatch
_DIGEST = re.compile(r"[0-9a-f]{64}").fullmatch


class MalformedRowError(Exception):
    """A row that nothing is served from. The message names the code, the column and the value, escaped."""


def require_well_formed(found: Found, code: str) -> Found:
    """Return ``found`` unless a column holds a value that the schema forbids; else raise ``MalformedRowError``."""
    content_type, size, digest, owner, stable_until, *_ = found
    if content_type is not None and not (isinstance(content_type, str) and _CONTENT_TYPE(content_type)):
        raise _malformed(code, "renditions.content_type", content_type)
    if size is not None and not (isinstance(size, int) and 0 <= size <= _LARGEST):
        raise _malformed(code, "renditions.size", size)
    if digest is not None and not (isinstance(digest, str) and _DIGEST(digest)):
        raise _malformed(code, "renditions.digest", digest)
    if owner is not None and not (isinstance(owner, str) and is_code(owner)):
        raise _malformed(code, "images.owner", owner)
    if stable_until is not None and not isinstance(stable_until, datetime):
        raise _malformed(code, "images.stable_until", stable_until)
    return found


def _malformed(code: str, column: str, value: object) -> MalformedRowError:
    shown = printable(value)
    shown = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "..."
    return MalformedRowError(f"image {printable(code)}: column {column} holds '{shown}': correct or delete the row")
