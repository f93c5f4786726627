"""Names the content of a file as the world does: by SHA-256, SHA-1 and MD5 of its bytes, and by its canonical SHA-256.

The canonical SHA-256 is that of the file without its metadata, so that files that differ in nothing else share a name.
The database keeps each name as 32 bytes, and writes it as 64 hex digits: a SHA-1 and an MD5 have zeros behind them.
"""

import hashlib
import re
from typing import NamedTuple

#: Describes a name of a content in messages.
NAME_ALPHABET = "a SHA-256 as 64 hex digits 0-9 a-f, a SHA-1 as 40 or an MD5 as 32"

#: Hex digits of a name in the database.
_LENGTH = 64

_KINDS = {32: "MD5", 40: "SHA-1", 64: "SHA-256"}

_HEX = re.compile("[0-9a-f]+").fullmatch


class FileNames(NamedTuple):
    """The names of one file, in lower-case hex."""

    canonical: str  # SHA-256 without metadata
    sha256: str  # as the file was received, as those that follow
    sha1: str
    md5: str


class Hashes:
    """The hashes of a file that is read in parts."""

    def __init__(self) -> None:
        # SHA-1 and MD5 protect nothing here: lists of the world are written in them.
        self._all = hashlib.sha256(), hashlib.sha1(usedforsecurity=False), hashlib.md5(usedforsecurity=False)

    def update(self, part: bytes | bytearray | memoryview) -> None:
        """Add bytes."""
        for each in self._all:
            each.update(part)

    def names(self, canonical: str | None = None) -> FileNames:
        """Name the file. ``canonical``: its SHA-256 without metadata; None: it has none."""
        sha256, sha1, md5 = (each.hexdigest() for each in self._all)
        return FileNames(canonical or sha256, sha256, sha1, md5)


def is_content_name(text: str) -> bool:
    """Tell whether a text is a SHA-256, SHA-1 or MD5 in lower-case hex."""
    return len(text) in _KINDS and _HEX(text) is not None


def padded_name(name: str) -> str:
    """Write a name with as many hex digits as the database does."""
    return name.ljust(_LENGTH, "0")


def shown_name(name: str) -> str:
    """Write a name for people: without the zeros that ``padded_name`` has added.

    A SHA-256 with so many zeros at its end does not occur.
    """
    for length in _KINDS:
        if length < _LENGTH and name[length:] == "0" * (_LENGTH - length):
            return name[:length]
    return name


def kind_of_name(name: str) -> str:
    """Return the kind of a name by its length: ``SHA-256``, ``SHA-1`` or ``MD5``."""
    return _KINDS[len(shown_name(name))]
