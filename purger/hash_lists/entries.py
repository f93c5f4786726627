"""Reads the hashes of a CSV file.

Without a header the first column holds a hash of any kind, told by its length. With a header the columns ``md5``,
``sha1``, ``sha256`` and ``pdq`` do; case, ``-`` and ``_`` in their names do not matter. A PDQ hash and a SHA-256 have
the same length, so PDQ hashes need the header.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, NamedTuple

from takedown_base.content_names import padded_name

#: Hex digits of each kind.
KINDS = {"md5": 32, "sha1": 40, "sha256": 64, "pdq": 64}

_BY_LENGTH = {32: "md5", 40: "sha1", 64: "sha256"}

_HEX = re.compile("[0-9a-f]+").fullmatch

#: Characters of the longest line that is read.
_LONGEST_LINE = 65_536


class MalformedListError(ValueError):
    """The file is no list of hashes, or broke off. The message says where."""


class Entry(NamedTuple):
    """A hash of a list."""

    kind: str  # key of KINDS
    name: str  # 64 hex digits, as the database has it


def read_entries(file: IO[str]) -> Iterator[Entry]:
    """Yield the hashes of a CSV file. Raises ``MalformedListError`` at the first line that is no part of a list."""
    columns: Mapping[str, int] | None = None
    rows = csv.reader(_lines(file))
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if not any(cells) or cells[0].startswith("#"):
                continue
            if columns is None:
                columns = _columns(cells)
                if columns:
                    continue
            try:
                yield from _entries(cells, columns)
            except MalformedListError as error:
                raise MalformedListError(f"line {rows.line_num}: {error}") from None
    except csv.Error as error:
        raise MalformedListError(f"line {rows.line_num}: {error}") from None
    except UnicodeDecodeError:
        raise MalformedListError(f"after line {rows.line_num}: it is not UTF-8 text") from None


def _lines(file: IO[str]) -> Iterator[str]:
    line = "\n"
    while following := file.readline(_LONGEST_LINE):
        if not following.endswith("\n") and len(following) == _LONGEST_LINE:
            raise MalformedListError(f"a line is longer than {_LONGEST_LINE:,} characters")
        line = following
        yield line
    # A list that a server cuts short may end within a hash that looks like a shorter kind.
    if not line.endswith("\n"):
        raise MalformedListError("the last line has no end, so the list may have broken off")


def _columns(header: Sequence[str]) -> dict[str, int]:
    """Find the columns of a header by kind; empty: it is no header."""
    names = {re.sub("[-_ ]", "", cell.lower()): place for place, cell in enumerate(header)}
    return {kind: names[kind] for kind in KINDS if kind in names}


def _entries(cells: Sequence[str], columns: Mapping[str, int]) -> Iterator[Entry]:
    if not columns:
        kind = _BY_LENGTH.get(len(cells[0]))
        if kind is None:
            raise MalformedListError("the first column holds no MD5, SHA-1 or SHA-256 in hex")
        yield entry(kind, cells[0])
    for kind, place in columns.items():
        if place >= len(cells):
            raise MalformedListError(f"it has no column {kind}")
        if cells[place]:
            yield entry(kind, cells[place])


def entry(kind: str, text: str) -> Entry:
    """Make an entry of a hash in hex. Raises ``MalformedListError``."""
    name = text.lower()
    if len(name) != KINDS[kind] or not _HEX(name):
        raise MalformedListError(f"the {kind} is not {KINDS[kind]} hex digits")
    return Entry(kind, padded_name(name))
