"""Reads a list of files to import, line by line: tab separated as ``mysql -B`` writes it, or comma separated.

Lists may have millions of lines: only one is in memory at a time.
"""

import csv
import re
from collections.abc import Iterator
from typing import BinaryIO

from origin.importing.entries import Entry, Refuse
from origin.importing.rules import Stability, parse_moment
from origin.model import ORIGINAL, RENDITION
from origin.row_checks import LONGEST_PATH, is_stored_path
from takedown_base.name_codes import code_of_name
from takedown_base.printable import printable
from takedown_base.subject_keys import CODE_ALPHABET, is_key

#: Bytes of the longest line.
_LONGEST_LINE = 16 * 1024

#: The columns that a list may have. ``key`` is another word for ``path``, for lists of objects in a bucket.
_COLUMNS = ("code", "rendition", "path", "key", "owner", "stable_until")

#: The escapes of ``mysql -B``, and of LOAD DATA INFILE.
_ESCAPES = {r"\n": "\n", r"\t": "\t", r"\0": "\0", r"\\": "\\"}
_ESCAPED = re.compile(r"\\.?", re.DOTALL)

_is_rendition = re.compile(RENDITION).fullmatch


class UnusableListError(ValueError):
    """The head of a list is unusable, and so all of it. The message says why and what to do."""


class _RefusedLineError(ValueError):
    """A line is refused. The message says why."""


class ImportList:
    """A list of files, with a head line of column names."""

    def __init__(self, file: BinaryIO) -> None:
        """Read the head line. Raises ``UnusableListError``, and ``OSError`` where the file cannot be read."""
        self._lines = _lines(file)
        self._tabs, self._columns = self._read_head()

    @property
    def has_owners(self) -> bool:
        """Whether each line names the owner of its image."""
        return "owner" in self._columns

    def entries(self, owner: str | None, stability: Stability, refuse: Refuse) -> Iterator[Entry]:
        """Yield the files of all lines that are well formed, and call ``refuse`` for the others.

        ``owner`` and ``stability`` hold for a list without such a column.
        """
        for number, line in self._lines:
            if line == b"":
                continue
            try:
                yield self._entry(number, self._cells(line), owner or "", stability)
            except _RefusedLineError as error:
                refuse(f"line {number}", str(error))

    def _read_head(self) -> tuple[bool, list[str]]:
        _, line = next(self._lines, (1, b""))
        if line == b"":
            raise UnusableListError("the list is empty: its first line has to name the columns")
        try:
            head = _decoded(line).removeprefix("\ufeff")
            tabs = "\t" in head
            columns = [name.strip() for name in (head.split("\t") if tabs else _comma_separated(head))]
        except _RefusedLineError as error:
            raise UnusableListError(f"line 1: {error}") from None
        known = f"the first line names the columns, with tabs or commas between them: {', '.join(_COLUMNS)}"
        if unknown := [name for name in columns if name not in _COLUMNS]:
            raise UnusableListError(f"line 1: '{printable(unknown[0])[:80]}' is no column: {known}")
        if twice := [name for name in columns if columns.count(name) > 1]:
            raise UnusableListError(f"line 1: the column {twice[0]} is given twice")
        if "code" not in columns or len({"path", "key"} & {*columns}) != 1:
            raise UnusableListError(f"line 1: a list needs the column code, and either path or key: {known}")
        return tabs, columns

    def _cells(self, line: bytes | None) -> dict[str, str | None]:
        """Split a line into its cells by column; None: the cell is empty, or NULL."""
        text = _decoded(line)
        cells: list[str | None] = [*map(_unescaped, text.split("\t"))] if self._tabs else [*_comma_separated(text)]
        if len(cells) != len(self._columns):
            raise _RefusedLineError(f"{len(cells)} cells, and the first line names {len(self._columns)} columns")
        return {name: cell or None for name, cell in zip(self._columns, cells, strict=True)}

    def _entry(self, line: int, cells: dict[str, str | None], owner: str, stability: Stability) -> Entry:
        """Check the cells of a line."""
        name, path = cells["code"], cells.get("path") or cells.get("key")
        if name is None or path is None:
            raise _RefusedLineError(f"{'code' if name is None else 'path'} is empty")
        if not is_stored_path(path):
            raise _RefusedLineError(
                f"'{printable(path)[:200]}' is no path: relative, at most {LONGEST_PATH} characters, and without empty"
                " parts, '.', '..' and control characters"
            )
        rendition = cells.get("rendition") or ORIGINAL
        if not _is_rendition(rendition):
            raise _RefusedLineError(f"'{printable(rendition)[:80]}' is no name of a rendition: 1 to 32 of a-z 0-9 _ -")
        place, code = f"line {line} ({path})", code_of_name(name)
        return Entry(place, name, code, rendition, path, self._owner(cells, owner), self._stability(cells, stability))

    def _owner(self, cells: dict[str, str | None], default: str) -> str:
        if not self.has_owners:
            return default
        owner = cells["owner"] or ""
        if not is_key(owner):
            raise _RefusedLineError(f"owner '{printable(owner)[:80]}' is not {CODE_ALPHABET}")
        return owner

    def _stability(self, cells: dict[str, str | None], default: Stability) -> Stability:
        if "stable_until" not in self._columns:
            return default
        text = cells["stable_until"]
        try:
            return Stability(change=True, until=parse_moment(text) if text else None)
        except ValueError as error:
            raise _RefusedLineError(f"stable_until: {error}") from None


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Yield each line with its number, without the line break; None for one that is too long."""
    number = 0
    while line := file.readline(_LONGEST_LINE + 1):
        number += 1
        if len(line) <= _LONGEST_LINE:
            yield number, line.removesuffix(b"\n").removesuffix(b"\r")
        else:
            while line and not line.endswith(b"\n"):
                line = file.readline(_LONGEST_LINE)
            yield number, None


def _decoded(line: bytes | None) -> str:
    if line is None:
        raise _RefusedLineError(f"longer than {_LONGEST_LINE} bytes")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise _RefusedLineError("not UTF-8 text") from None


def _comma_separated(text: str) -> list[str]:
    """Split a line of RFC 4180. A cell may have commas in quotation marks, but no line breaks."""
    try:
        (cells,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError):
        raise _RefusedLineError('its quotation marks do not match: a cell is plain, or "..." with "" for "') from None
    return cells


def _unescaped(cell: str) -> str | None:
    """Read a cell as ``mysql -B`` writes it. Its NULL looks like the word."""
    if cell == "NULL":
        return None
    if "\\" not in cell:
        return cell
    if unknown := [escape for escape in _ESCAPED.findall(cell) if escape not in _ESCAPES]:
        raise _RefusedLineError(
            f"{printable(unknown[0])} is not one of the escapes {' '.join(_ESCAPES)}: a backslash is written as two"
        )
    return _ESCAPED.sub(lambda match: _ESCAPES[match[0]], cell)
