"""Runs `purger ban --from` and `purger lift --from`: shows progress, refused lines, and what an error has left."""

import os
import stat
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import UnsupportedOperation
from typing import BinaryIO

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from purger.cli.options.values import remark
from purger.moderation.bans import RefusedBanError, UncertainError
from purger.moderation.lists import ChunkResult, ListedChange, RefusedLine, read_chunks
from purger.moderation.subjects import MalformedSubjectError, Subject
from purger.text_format import counted
from takedown_base.printable import printable
from takedown_base.scope import Scope
from takedown_db.connection.errors import DatabaseUnavailableError

#: Refused lines that are kept for JSON: a list may be longer than memory. All are counted, and printed on stderr.
_KEPT = 10_000

_NOUNS = {Scope.IMAGE: "code", Scope.OWNER: "owner", Scope.DIGEST: "digest"}

from_option = click.option(
    "--from",
    "source",
    type=click.File("rb"),
    metavar="FILE",
    help="A list instead of one code, `-` for stdin: one code, name or URL of an image a line, or owner:KEY or "
    "digest:SHA256. Empty lines and those that begin with # are skipped. Each thousand lines is one transaction.",
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what the command would do, and change nothing.")


@dataclass(slots=True)
class ListOutcome:
    """The outcome of a list, as far as it was carried out."""

    changed: Counter[Scope] = field(default_factory=Counter)  # subjects that were banned or lifted
    images: Counter[Scope] = field(default_factory=Counter)  # in a dry run: images that a ban would hide
    unchanged: int = 0  # subjects that were banned, or lifted, before
    unknown: int = 0  # subjects that were refused: without an image, or never banned
    malformed: int = 0  # lines that were refused: they name no subject
    refused_lines: list[RefusedLine] = field(default_factory=list)  # the first of both
    committed: int = 0  # number of the last line that was carried out
    read: int = 0  # number of the last line that was read

    @property
    def refused(self) -> int:
        """The number of refused lines."""
        return self.unknown + self.malformed

    def add(self, result: ChunkResult) -> None:
        """Add the result of the chunk that was read last."""
        self.changed.update(subject.scope for subject in result.changed)
        self.images.update(result.images)
        self.unchanged += result.unchanged
        self.unknown += len(result.refused)
        self.committed = self.read

    def tell_refused(self, lines: list[RefusedLine]) -> None:
        """Print refused lines on stderr, and keep the first."""
        for line in lines:
            remark(f"line {line.line}: {printable(line.reason)}")
        self.refused_lines += lines[: _KEPT - len(self.refused_lines)]

    def subjects(self, *, with_images: bool = False) -> str:
        """Write the changed subjects: ``2 codes, 1 owner``, with the images that a dry run has counted."""
        return (
            ", ".join(
                counted(self.changed[scope], noun)
                + (f" ({counted(self.images[scope], 'image')})" if with_images else "")
                for scope, noun in _NOUNS.items()
                if self.changed[scope]
            )
            or "nothing"
        )

    def rest(self, unchanged: str, unknown: str) -> str:
        """Write the other subjects, if there are any: ``; 3 banned already; 2 lines refused (1 ..., 1 malformed)``."""
        parts = [f"; {self.unchanged:,} {unchanged}"] if self.unchanged else []
        if self.refused:
            parts.append(
                f"; {counted(self.refused, 'line')} refused ({self.unknown:,} {unknown}, {self.malformed:,} malformed)"
            )
        return "".join(parts)


def carry_out_list(
    stream: BinaryIO,
    find: Callable[[Sequence[str]], Sequence[Subject | MalformedSubjectError]],
    change: ListedChange,
    *,
    repeated: str | None,
) -> ListOutcome:
    """Carry a list out under a progress bar, which only a terminal shows, and print each refused line on stderr.

    ``find`` finds the subjects of lines. Raises ``click.ClickException`` when it cannot go on, with the lines that are
    committed; ``repeated`` says what the same command does when it is run again, and is None for a dry run.
    """
    outcome = ListOutcome()
    with _progress(stream) as show, _naming_committed(outcome, repeated):
        for chunk in read_chunks(stream, find):
            outcome.read = chunk.last_line
            result = change.carry_out(chunk.subjects)
            outcome.malformed += len(chunk.refused)
            outcome.add(result)
            outcome.tell_refused(sorted(chunk.refused + result.refused))
            show(chunk.last_line)
    return outcome


@contextmanager
def _naming_committed(outcome: ListOutcome, repeated: str | None) -> Iterator[None]:
    """Turn an error into the end of the command, which names the lines that are committed."""
    try:
        yield
    except RefusedBanError as error:
        reason = f"the schema refuses them: {printable(error)}"
        if not outcome.committed:
            raise click.UsageError(f"nothing is committed: {reason}") from error
        raise click.ClickException(_committed(outcome, reason, repeated)) from error
    except (UncertainError, KeyboardInterrupt) as error:
        reason = "interrupted" if isinstance(error, KeyboardInterrupt) else f"no answer came: {printable(error)}"
        raise click.ClickException(_committed(outcome, reason, repeated, uncertain=True)) from error
    except (DatabaseUnavailableError, OSError) as error:
        raise click.ClickException(_committed(outcome, printable(error), repeated)) from error


def _committed(outcome: ListOutcome, reason: str, repeated: str | None, *, uncertain: bool = False) -> str:
    if repeated is None:
        return f"the dry run has changed nothing ({reason})"
    done = f"lines 1 to {outcome.committed:,} are committed" if outcome.committed else "nothing is committed"
    if uncertain and outcome.read > outcome.committed:
        done += f", and of lines {outcome.committed + 1:,} to {outcome.read:,} either all or none"
    return f"{done} ({reason}). The same command, run again, {repeated}"


@contextmanager
def _progress(stream: BinaryIO) -> Iterator[Callable[[int], None]]:
    size = _size(stream)
    columns = (BarColumn(), TextColumn("{task.fields[line]:,} lines"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=size, line=0)
        yield lambda line: bar.update(task, line=line, completed=stream.tell() if size else None)


def _size(stream: BinaryIO) -> int | None:
    """Return the size of a regular file in bytes. None for a pipe, whose end nobody knows."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, UnsupportedOperation):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
