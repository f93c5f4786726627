"""Reads lists of subjects, one a line, and bans or lifts them: one chunk in one transaction. Repeating one is harmless.

A list may be longer than memory. Every method raises the errors of ``purger/moderation/bans.py``. After any of them
but ``UncertainError`` nothing of the chunk is committed.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple, Protocol, TypeVar

from purger.moderation.bans import count_bans, insert_bans, lift_bans
from purger.moderation.questions import are_known, count_images, hiding_bans
from purger.moderation.subjects import MalformedSubjectError, Subject
from takedown_base.scope import Scope
from takedown_db.connection.lasting_connection import Connection

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


def read_chunks(
    stream: BinaryIO, find: Callable[[Sequence[str]], Sequence[Subject | MalformedSubjectError]], size: int = CHUNK
) -> Iterator[Chunk]:
    """Yield the lines of a list, in chunks of at most ``size`` lines, without empty lines and comments.

    ``find`` finds the subjects of lines (``SiteNames.lines``); a comment begins with ``#``. Raises ``OSError``, and
    what ``find`` raises.
    """
    number = 0
    texts: dict[int, str] = {}
    refused: list[RefusedLine] = []
    for number, line in enumerate(_lines(stream), start=1):
        try:
            text = _text(line)
            if text and not text.startswith("#"):
                texts[number] = text
        except MalformedSubjectError as error:
            refused.append(RefusedLine(number, str(error)))
        if len(texts) + len(refused) == size:
            yield _found(number, texts, refused, find(list(texts.values())))
            texts, refused = {}, []
    if texts or refused:
        yield _found(number, texts, refused, find(list(texts.values())))


def _found(
    last_line: int,
    texts: Mapping[int, str],
    refused: Sequence[RefusedLine],
    found: Sequence[Subject | MalformedSubjectError],
) -> Chunk:
    """Make a chunk of the lines that are text, and of those that are none."""
    lines = list(zip(texts, found, strict=True))
    subjects = [ListedSubject(line, each) for line, each in lines if not isinstance(each, MalformedSubjectError)]
    malformed = [RefusedLine(line, str(each)) for line, each in lines if isinstance(each, MalformedSubjectError)]
    return Chunk(last_line, subjects, sorted([*refused, *malformed]))


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


#: Subjects whose images are counted by one statement: an owner may have a million.
_COUNTED_TOGETHER = 100

Item = TypeVar("Item")


@dataclass(slots=True)
class ChunkResult:
    """The result of a chunk. A subject that it holds twice counts once."""

    changed: list[Subject] = field(default_factory=list)  # banned or lifted now; in a dry run, those that would be
    unchanged: int = 0  # number of subjects that were banned, or lifted, before
    refused: list[RefusedLine] = field(default_factory=list)
    images: Counter[Scope] = field(default_factory=Counter)  # in a dry run: number of images that a ban would hide


class ListedChange(Protocol):
    """A change of the subjects of a list."""

    def carry_out(self, listed: Sequence[ListedSubject]) -> ChunkResult:
        """Carry out a chunk in one transaction; in a dry run, only count."""


class Banning:
    """Bans the subjects of a list that have images and are not banned yet."""

    def __init__(
        self, connection: Connection, *, reason: str, banned_by: str, ahead: bool, again: bool, dry_run: bool
    ) -> None:
        """Take the texts of each ban. ``ahead``: ban also without images; ``again``: also what is banned already."""
        self._connection = connection
        self._texts = {"reason": reason, "banned_by": banned_by}
        self._ahead = ahead
        self._again = again
        self._dry_run = dry_run
        #: The subjects of earlier chunks of a dry run, which has no rows to find them by.
        self._earlier: set[Subject] = set()

    def carry_out(self, listed: Sequence[ListedSubject]) -> ChunkResult:
        """Ban a chunk in one transaction; in a dry run, only count."""
        result = ChunkResult()
        lines = _first_lines(listed)
        wanted = list(lines) if self._again else self._without_banned(list(lines))
        result.unchanged = len(lines) - len(wanted)
        unknown = set() if self._ahead else self._unknown(wanted)
        result.refused = [RefusedLine(lines[each], each.no_image) for each in wanted if each in unknown]
        result.changed = [each for each in wanted if each not in unknown]
        if self._dry_run:
            self._earlier.update(result.changed)
            result.images = self._images(result.changed)
        elif result.changed:
            insert_bans(self._connection, result.changed, **self._texts)
        return result

    def _without_banned(self, subjects: list[Subject]) -> list[Subject]:
        counts = count_bans(self._connection, subjects) if subjects else []
        pairs = zip(subjects, counts, strict=True)
        return [subject for subject, bans in pairs if not bans.open and subject not in self._earlier]

    def _unknown(self, subjects: list[Subject]) -> set[Subject]:
        known = are_known(self._connection, subjects) if subjects else []
        return {subject for subject, has_images in zip(subjects, known, strict=True) if not has_images}

    def _images(self, subjects: list[Subject]) -> Counter[Scope]:
        images: Counter[Scope] = Counter()
        for part in _parts(subjects, _COUNTED_TOGETHER):
            numbers = count_images(self._connection, part)
            for subject, number in zip(part, numbers, strict=True):
                images[subject.scope] += number
        return images


class Lifting:
    """Lifts all open bans of the subjects of a list."""

    def __init__(self, connection: Connection, *, lifted_by: str, reason: str, dry_run: bool) -> None:
        """Take the texts of each lift."""
        self._connection = connection
        self._texts = {"lifted_by": lifted_by, "reason": reason}
        self._dry_run = dry_run
        self._earlier: set[Subject] = set()  # as in Banning
        self._hidden: list[str] = []

    def carry_out(self, listed: Sequence[ListedSubject]) -> ChunkResult:
        """Lift a chunk in one transaction; in a dry run, only count."""
        result = ChunkResult()
        lines = _first_lines(listed)
        counts = count_bans(self._connection, list(lines)) if lines else []
        for subject, bans in zip(lines, counts, strict=True):
            if bans.open and subject not in self._earlier:
                result.changed.append(subject)
            elif bans.all:
                result.unchanged += 1
            else:
                result.refused.append(RefusedLine(lines[subject], f"there never was a ban on {subject}"))
        hidden = self._hidden_among([each.key for each in result.changed if each.scope is Scope.IMAGE])
        if self._dry_run:
            self._earlier.update(result.changed)
        elif result.changed:
            lift_bans(self._connection, result.changed, **self._texts)
        self._hidden += hidden
        return result

    def count_hidden(self) -> int:
        """Count the lifted codes that are still hidden by a ban of their owner or original.

        Asked at the end: the list may have lifted that ban later.
        """
        return sum(len(self._hidden_among(part)) for part in _parts(self._hidden, CHUNK))

    def _hidden_among(self, codes: Sequence[str]) -> list[str]:
        return sorted({each.code for each in hiding_bans(self._connection, codes)}) if codes else []


def _first_lines(listed: Sequence[ListedSubject]) -> Mapping[Subject, int]:
    """Return each subject once, in their order, with the first of its lines."""
    lines: dict[Subject, int] = {}
    for line, subject in listed:
        lines.setdefault(subject, line)
    return lines


def _parts(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))
