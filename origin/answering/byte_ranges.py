"""Reads Range headers (RFC 9110, 14)."""

import re

from origin.model import ByteRange

_ONE_RANGE = re.compile(r"bytes=(?P<first>\d*)-(?P<last>\d*)", re.ASCII | re.IGNORECASE)
#: Digits of a number that is larger than any file. Python refuses to convert texts of some thousands of digits.
_MOST_DIGITS = 18


class UnsatisfiableRangeError(Exception):
    """The requested range lies outside of the file: 416 (15.5.17)."""


def select_range(header: str, size: int) -> ByteRange | None:
    """Choose the part of a file of ``size`` bytes that the Range header requests.

    None: the header is ignored and the whole file sent, as for another unit, several ranges or a malformed header
    (14.2). Raises ``UnsatisfiableRangeError``.
    """
    match = _ONE_RANGE.fullmatch(header.strip(" \t"))
    if match is None or match["first"] == match["last"] == "":
        return None
    if match["first"] == "":
        return _suffix(_number(match["last"]), size)
    first = _number(match["first"])
    last = _number(match["last"]) if match["last"] else size - 1
    if match["last"] and last < first:
        return None
    if first >= size:
        raise UnsatisfiableRangeError
    return ByteRange(first, min(last, size - 1) - first + 1)


def _suffix(length: int, size: int) -> ByteRange:
    """Choose the last ``length`` bytes, or all of a shorter file."""
    length = min(length, size)
    if length == 0:
        raise UnsatisfiableRangeError
    return ByteRange(size - length, length)


def _number(digits: str) -> int:
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS
