"""Formats numbers, durations, lines and tables for terminals, pipes and logs. Escapes text from outside."""

import shutil
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from takedown_base.printable import printable


def aligned(heading: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Align rows under a heading, in columns as wide as their widest value and two spaces apart."""
    cells = [[printable("" if value is None else value) for value in row] for row in (heading, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def wrapped(line: str) -> list[str]:
    """Wrap a line between words at the width of the terminal, and indent the lines that follow the first."""
    return textwrap.wrap(
        line,
        shutil.get_terminal_size().columns,
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Write a number with its noun: ``1 edge``, ``2,000 edges``. ``plural`` is for nouns that take more than an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """Write a time in a unit of its size: ``400 ms``, ``1.3 s``, ``12 s``, ``5 min``, ``3 h``, ``2 days``.

    It may be negative, as two clocks may have told its ends.
    """
    milliseconds = round(seconds * 1000)
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def end_of_trust(by: datetime) -> str:
    """Write when an edge stops, or has stopped, trusting its cache; ``by`` is ``purger.model.trust_ends_by`` (UTC)."""
    now = datetime.now(UTC).replace(tzinfo=None)
    by = (by + timedelta(microseconds=999_999)).replace(microsecond=0)  # cut, it would be too early
    day = "" if by.date() == now.date() else f"{by:%Y-%m-%d} "
    return f"{'stopped' if by <= now else 'stops'} trusting its cache at {day}{by:%H:%M:%S} UTC at the latest"
