"""Reads results of prepared statements: rows of MySQL's binary protocol, as a server sends them.

Only what a SELECT returns, and only texts, whole numbers and times: https://dev.mysql.com/doc/dev/mysql-server/latest/
page_protocol_binary_resultset.html. Neither socket nor driver: bytes in, rows out.
"""

import struct
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

#: Reads one value of a row that begins at an offset. Returns it, and the offset behind it.
_Read = Callable[[bytes, int], tuple[Any, int]]

#: The first bytes of packets that are not rows.
_ERROR, _END = 0xFF, 0xFE

#: Bytes of a packet's head: three of its length, one of its number.
_HEAD = 4

#: Bytes of the longest end of a result. A row may begin with the same byte, but no row of a SELECT is that short.
_LONGEST_END = 9

#: The flag of a column without a sign.
_UNSIGNED = 32

_TEXT_TYPES = frozenset((15, 249, 250, 251, 252, 253, 254))
_TIME_TYPES = frozenset((7, 12))
#: Bytes of a whole number by its type.
_SIZES = {1: 1, 2: 2, 3: 4, 8: 8, 9: 4, 13: 2}

_UNPACK_TIME = {4: struct.Struct("<HBB"), 7: struct.Struct("<HBBBBB"), 11: struct.Struct("<HBBBBBI")}


class IncompleteError(Exception):
    """The bytes end before the result does: more have to be received."""


class UnknownAnswerError(Exception):
    """The server sent something else than a result with columns of known types."""


class ServerError(Exception):
    """The server refused the statement. ``number`` and ``state`` are MySQL's error number and SQLSTATE."""

    def __init__(self, number: int, state: str, text: str) -> None:
        super().__init__(text)
        self.number = number
        self.state = state


class _Shape(NamedTuple):
    """The packets before the first row, which describe the columns, and a reader for each column."""

    bytes: bytes
    readers: list[_Read]


class ResultReader:
    """Reads the results of one prepared statement.

    The description of the columns takes most of a result, and is the same each time: it is read once, and later only
    compared.
    """

    def __init__(self) -> None:
        self._shape = _Shape(b"", [])

    def read(self, answer: bytes) -> list[tuple[Any, ...]]:
        """Read the rows of a whole result. Raises all errors of this module."""
        try:
            return self._read(answer)
        except (IndexError, struct.error) as error:
            raise UnknownAnswerError("a packet ends early") from error

    def _read(self, answer: bytes) -> list[tuple[Any, ...]]:
        shape = self._shape
        if not shape.bytes or not answer.startswith(shape.bytes):
            shape = self._shape = _read_shape(answer)
        rows: list[tuple[Any, ...]] = []
        at = len(shape.bytes)
        while True:
            packet, at = _packet(answer, at)
            if packet[0] == _END and len(packet) <= _LONGEST_END:
                return rows
            if packet[0] == _ERROR:
                raise _error(packet)
            rows.append(_row(packet, shape.readers))


def _row(packet: bytes, readers: list[_Read]) -> tuple[Any, ...]:
    """Read a row: a zero, a bit for each column that says whether it is NULL (two bits further), and the values."""
    at = 1 + (len(readers) + 9) // 8
    nulls = int.from_bytes(packet[1:at], "little") >> 2
    row: list[Any] = []
    for read in readers:
        if nulls & 1:
            row.append(None)
        else:
            value, at = read(packet, at)
            row.append(value)
        nulls >>= 1
    if at != len(packet):
        raise UnknownAnswerError("a row is not as long as its columns")
    return tuple(row)


def _read_shape(answer: bytes) -> _Shape:
    packet, at = _packet(answer, 0)
    if packet[0] == _ERROR:
        raise _error(packet)
    readers = []
    for _ in range(_number(packet, 0)[0]):
        packet, at = _packet(answer, at)
        readers.append(_reader(packet))
    if not readers:
        raise UnknownAnswerError("the statement has no result")
    packet, after = _packet(answer, at)
    if packet[0] == _END and len(packet) < _LONGEST_END:  # the end of the columns, which newer clients do without
        at = after
    return _Shape(answer[:at], readers)


def _reader(column: bytes) -> _Read:
    """Choose the reader for a column by its description: six texts, then set, length, type and flags."""
    at = 0
    for _ in range(6):
        length, at = _number(column, at)
        at += length
    kind, flags = struct.unpack_from("<BH", column, at + 7)
    if kind in _TEXT_TYPES:
        return _text
    if kind in _TIME_TYPES:
        return _time
    if kind in _SIZES:
        return _integer(_SIZES[kind], signed=not flags & _UNSIGNED)
    raise UnknownAnswerError(f"a column has the type {kind}")


def _packet(answer: bytes, at: int) -> tuple[bytes, int]:
    """Cut out the packet at an offset. Returns it without its head, and the offset behind it."""
    start = at + _HEAD
    end = start + int.from_bytes(answer[at : at + 3], "little")
    if start > len(answer) or end > len(answer):
        raise IncompleteError
    if start == end:
        raise UnknownAnswerError("a packet is empty")
    return answer[start:end], end


def _number(packet: bytes, at: int) -> tuple[int, int]:
    """Read a number of variable length. Returns it, and the offset behind it."""
    first = packet[at]
    if first < 0xFB:
        return first, at + 1
    size = {0xFC: 2, 0xFD: 3, 0xFE: 8}.get(first)
    if size is None:
        raise UnknownAnswerError("a length is malformed")
    end = at + 1 + size
    return int.from_bytes(packet[at + 1 : end], "little"), end


def _text(packet: bytes, at: int) -> tuple[str, int]:
    length, at = _number(packet, at)
    # A malformed text is shown to the checks of rows, which refuse it.
    return packet[at : at + length].decode("utf-8", "backslashreplace"), at + length


def _time(packet: bytes, at: int) -> tuple[datetime | None, int]:
    """Read a DATETIME; None for one with zeros, such as no calendar has (sessions without strict mode write them)."""
    size = packet[at]
    form, end = _UNPACK_TIME.get(size), at + 1 + size
    try:
        return (None if form is None else datetime(*form.unpack_from(packet, at + 1))), end
    except ValueError:
        return None, end


def _integer(size: int, *, signed: bool) -> _Read:
    letter = {1: "b", 2: "h", 4: "i", 8: "q"}[size]
    form = struct.Struct("<" + (letter if signed else letter.upper()))

    def read(packet: bytes, at: int) -> tuple[int, int]:
        return form.unpack_from(packet, at)[0], at + size

    return read


def _error(packet: bytes) -> ServerError:
    """Read an error: its number, a hash sign, the SQLSTATE and a text."""
    number = int.from_bytes(packet[1:3], "little")
    state, text = (packet[4:9], packet[9:]) if packet[3:4] == b"#" else (b"HY000", packet[3:])
    return ServerError(number, state.decode("ascii", "replace"), text.decode("utf-8", "replace"))
