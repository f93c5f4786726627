"""Reads the project's Markdown pages: their code blocks, links and names."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def block(page: Path, language: str, part: str) -> str:
    """Return the one fenced block of a language that has ``part`` in it."""
    (found,) = [text for text in blocks(page, language) if part in text]
    return found


def code(page: Path) -> str:
    """Return everything that a page sets as code: fenced and indented blocks, and spans."""
    text = page.read_text()
    fenced = re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return "\n".join([*fenced, *re.findall(r"^    .*$", rest, re.MULTILINE), *re.findall(r"`([^`]+)`", rest)])
