"""Read the project's Markdown pages: code blocks, links, names, sections and tables."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

_FENCED = re.compile(r"^ *```\w*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_PICTURE = re.compile(r"^```mermaid\n.*?^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def block(page: Path, language: str, part: str) -> str:
    """Return the one fenced block of a language that has ``part`` in it."""
    (found,) = [text for text in blocks(page, language) if part in text]
    return found


def spans(page: Path) -> list[str]:
    """Return the code spans of a page, each in one line."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", _FENCED.sub("", page.read_text()))]


def code(page: Path) -> str:
    """Return all code of a page: fenced and indented blocks, and spans, each in a line of its own."""
    text = _PICTURE.sub("", page.read_text())
    indented = re.findall(r"^    .*$", _FENCED.sub("", text), re.MULTILINE)
    return "\n".join([*_FENCED.findall(text), *indented, *spans(page)])


def prose(page: Path) -> str:
    """Return the text of a page without its code and the targets of its links."""
    return re.sub(r"`[^`]+`|\]\([^)]*\)|^    .*$", "", _FENCED.sub("", page.read_text()), flags=re.MULTILINE)


def section(page: Path, title: str) -> str:
    """Return the text under a heading, up to the next heading of its level or above."""
    found = re.search(rf"^(#+) {re.escape(title)}$\n(.*?)(?=^#{{1,6}} |\Z)", page.read_text(), re.MULTILINE | re.DOTALL)
    if found is None:
        raise LookupError(f"{page.name} has no heading {title!r}")
    return found[2]


def rows(text: str) -> list[list[str]]:
    """Return the rows of the tables in a text as lists of cells, without the heads of the tables."""
    tables = re.findall(r"^\|.*\n\|[ |:-]+\n((?:^\|.*\n?)*)", text, re.MULTILINE)
    lines = [line for table in tables for line in table.splitlines()]
    return [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
