"""Reads lists of subjects, one a line, in chunks: a list may be longer than memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from purger.moderation.subjects import MalformedSubjectError, Subject, parse_line

#: Subjects that are read, and written in one transaction, at a time.
CHUNK = 1000

#: Bytes of the longest line that is read. A URL of an image is far shorter.
_LONGEST_LINE = 4096


class ListedSubject(NamedTuple):
    """A subject, with the number of its line."""

    line: int
    subject: Subject


@dataclass(frozen=True, slots=True, order=True)
class RefusedLine:
    """A line that was not carried out, and the reason. The fields are keys of `purger ban --json`."""

    line: int
    reason: str


class Chunk(NamedTuple):
    """The lines of a list that are carried out together."""

    last_line: int  # number of the last line that was read
    subjects: list[ListedSubject]
    refused: list[RefusedLine]


def read_chunks(stream: BinaryIO, size: int = CHUNK) -> Iterator[Chunk]:
    """Yield the lines of a list, in chunks of at most ``size`` lines, without empty lines and comments.

    A line is a code, the URL of an image, ``owner:KEY`` or ``digest:HEX``; a comment begins with ``#``. Raises
    ``OSError``.
    """
    number = 0
    subjects: list[ListedSubject] = []
    refused: list[RefusedLine] = []
    for number, line in enumerate(_lines(stream), start=1):
        try:
            text = _text(line)
            if text and not text.startswith("#"):
                subjects.append(ListedSubject(number, parse_line(text)))
        except MalformedSubjectError as error:
            refused.append(RefusedLine(number, str(error)))
        if len(subjects) + len(refused) == size:
            yield Chunk(number, subjects, refused)
            subjects, refused = [], []
    if subjects or refused:
        yield Chunk(number, subjects, refused)


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield lines without holding more than ``_LONGEST_LINE`` bytes and one of a line."""
    while line := stream.readline(_LONGEST_LINE + 1):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = stream.readline(_LONGEST_LINE + 1)
        yield line


def _text(line: bytes) -> str:
    if len(line.rstrip(b"\r\n")) > _LONGEST_LINE:
        raise MalformedSubjectError(f"the line is longer than {_LONGEST_LINE:,} bytes")
    try:
        # Editors of Windows begin a file with a byte order mark.
        return line.decode("utf-8").removeprefix("\ufeff").strip()
    except UnicodeDecodeError:
        raise MalformedSubjectError("the line is not UTF-8 text") from None
