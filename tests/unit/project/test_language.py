"""Check the language of first lines by CONTRIBUTING.md: they begin with a verb or a noun, and with no riddle."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pages.documented_commands import all_options, installed_commands
from tests.support.pages.markdown_pages import PAGES, ROOT, prose, rows, section

FILES = [
    file
    for room in ("origin", "purger", "takedown_base", "takedown_db", "takedown_log", "stack", "tests", "bench")
    for file in ROOT.glob(f"{room}/**/*.py")
]

#: Beginnings that leave it to the reader to find out what is meant.
RIDDLE = re.compile(r"(What|Which|How|Those (that|which|who)|The one (that|which)|One that|Now and then)\b")

#: The words that the table in CONTRIBUTING.md rules out.
OTHER_WORDS = [
    word for row in rows(section(ROOT / "CONTRIBUTING.md", "Words")) for word in re.findall(r"`([^`]+)`", row[1])
]


#: Of these, words that the code needs: "None where there is none", and an open ban "stands" in the outputs of commands.
ONLY_IN_DOCUMENTS = {"is none", "stands"}


def comments(file: Path) -> Iterator[str]:
    """Yield the comments and docstrings of a file of Python, VCL or SQL, without the code in them."""
    python = r'"""(?s:.*?)"""|(?:^ *|  )#:? .*$'
    found = re.findall(python if file.suffix == ".py" else r"^ *(?:#|--) .*$", file.read_text(), re.MULTILINE)
    yield from (re.sub(r"`[^`]*`", "", each) for each in found)


def first_lines(file: Path) -> Iterator[str]:
    """Yield the first lines of a file's docstrings, which begin a line there, and of its comments on constants."""
    yield from re.findall(r'^ *(?:#: |r?""")(.*)$', file.read_text(), re.MULTILINE)


@pytest.mark.parametrize("room", sorted({file.relative_to(ROOT).parts[0] for file in FILES}))
def test_no_first_line_of_the_code_is_a_riddle(room: str) -> None:
    files = [file for file in FILES if file.relative_to(ROOT).parts[0] == room]
    assert files
    assert [f"{file}: {line}" for file in files for line in first_lines(file) if RIDDLE.match(line)] == []


def test_no_help_is_a_riddle() -> None:
    texts = [option.help or "" for option in all_options()]
    texts += [command.help or "" for command in installed_commands().values()]
    assert len(texts) > 50
    assert [text for text in texts if RIDDLE.match(text)] == []


def test_no_comment_of_vcl_or_sql_begins_with_a_riddle() -> None:
    """Looks at the first line of each block of comments."""
    files = [*ROOT.glob("varnish/**/*.vcl"), *ROOT.glob("takedown_db/**/*.sql")]
    found = [
        f"{file}: {line}"
        for file in files
        for line in re.findall(r"(?:^|\n)(?! *(?:#|--))[^\n]*\n *(?:#|--) ([^\n]*)", "\n\n" + file.read_text())
        if RIDDLE.match(line)
    ]
    assert len(files) > 30
    assert found == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_documents_use_the_words_of_the_list(page: Path) -> None:
    words = re.compile(rf"\b(?:{'|'.join(OTHER_WORDS)})\b", re.IGNORECASE)
    assert "alone" in OTHER_WORDS
    assert [" ".join(sentence.split()) for sentence in prose(page).split(".") if words.search(sentence)] == []


def test_comments_use_the_words_of_the_list() -> None:
    words = re.compile(rf"\b(?:{'|'.join(set(OTHER_WORDS) - ONLY_IN_DOCUMENTS)})\b", re.IGNORECASE)
    sources = [*FILES, *ROOT.glob("varnish/**/*.vcl"), *ROOT.glob("takedown_db/**/*.sql")]
    assert [f"{file}: {text}" for file in sources for text in comments(file) if words.search(text)] == []
