"""Loads SQL statements by name from the files below ``sql/``, one file for each topic."""

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def statement(name: str) -> str:
    """Return the statement ``name`` on one line, without its comments. Raises ``KeyError`` for an unknown name."""
    return " ".join(line.strip() for line in statement_lines(name).splitlines())


def statement_lines(name: str) -> str:
    """Return the statement ``name`` in its lines, for people to read, without its comments. Raises ``KeyError``."""
    return _statements()[name]


@cache
def _statements() -> dict[str, str]:
    found: dict[str, str] = {}
    for file in _files(resources.files("takedown_db") / "sql"):
        _, *sections = _NAME.split(file.read_text(encoding="ascii"))
        for name, section in zip(sections[::2], sections[1::2], strict=True):
            if name in found:
                raise ValueError(f"{file.name}: there is a statement {name} already")
            found[name] = _without_comments(section)
    return found


def _files(directory: Traversable) -> Iterator[Traversable]:
    for each in directory.iterdir():
        if each.is_dir():
            yield from _files(each)
        else:
            yield each


def _without_comments(text: str) -> str:
    # The server would get them with each statement.
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("--"))
