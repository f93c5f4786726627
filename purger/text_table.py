"""Writes tables for terminals, pipes and logs: text from outside is escaped, and nothing is cut or broken."""

import shutil
import textwrap
from collections.abc import Sequence

from takedown_db.printable import printable


def aligned(heading: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Write rows in columns as wide as their widest value, two spaces apart, under a heading."""
    cells = [[printable("" if value is None else value) for value in row] for row in (heading, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def wrapped(text: str) -> list[str]:
    """Cut a line between words, as wide as the terminal is; further lines are indented."""
    return textwrap.wrap(
        text,
        shutil.get_terminal_size().columns,
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
