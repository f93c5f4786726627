"""Compare the code with the pages: each command, flag, variable, exit code, problem and header stands in them."""

import re
from itertools import chain

from purger.edge.errors import DeliveryError
from purger.exit_codes import ExitCode
from tests.support.pages.documented_commands import installed_commands
from tests.support.pages.markdown_pages import PAGES, ROOT, code, rows, section

COMMANDS_PAGE = ROOT / "docs/reference/commands.md"
ARCHITECTURE_PAGE = ROOT / "docs/internals/architecture.md"
COMMANDS = installed_commands()


def first_spans(text: str) -> list[str]:
    """Return the code spans in the first cells of a text's tables."""
    return list(chain.from_iterable(re.findall(r"`([^`]+)`", row[0]) for row in rows(text)))


def test_every_command_is_described() -> None:
    """The flags and their variables are in `--help`."""
    every = set(first_spans(COMMANDS_PAGE.read_text()))
    assert COMMANDS.keys() - every == set()


def test_every_exit_code_is_described() -> None:
    said = {row[0] for row in rows(COMMANDS_PAGE.read_text()) if re.fullmatch(r"\d", row[0])}
    assert said == {str(int(code)) for code in ExitCode}


def test_every_kind_of_delivery_error_is_described() -> None:
    waiting, kinds = [DeliveryError], set()
    while waiting:
        each = waiting.pop()
        kinds.add(each.kind)
        waiting += each.__subclasses__()
    assert set(first_spans(section(COMMANDS_PAGE, "Problems of deliveries"))) == kinds


def test_every_header_of_the_wire_is_described() -> None:
    sources = [*ROOT.glob("origin/**/*.py"), *ROOT.glob("purger/**/*.py"), *ROOT.glob("varnish/**/*.vcl")]
    headers = {header for file in sources for header in re.findall(r"\bTakedown-[A-Z][A-Za-z-]*", file.read_text())}
    text = "\n".join(code(page) for page in PAGES)
    assert {"Takedown-Batch", "Takedown-Seen"} <= headers
    assert {header for header in headers if not re.search(rf"\b{header}(?![\w-])", text)} == set()


def test_every_command_of_dev_is_in_its_help() -> None:
    text = (ROOT / "dev").read_text()
    known = set(re.findall(r"^    ([a-z]+)\)$", text, re.MULTILINE))
    assert {"run", "test", "in"} <= known
    help_text = text.partition("<<'END'")[2].partition("\nEND")[0]
    assert set(re.findall(r"^  ([a-z]+) ", help_text, re.MULTILINE)) == known
    read = set(re.findall(r'"(STACK_(?:DIR|EDGES|\w+_PORT))"', (ROOT / "stack/__main__.py").read_text()))
    assert "STACK_EDGES" in read
    assert {name for name in read if name not in help_text} == set()


def test_every_thread_of_the_purger_is_described() -> None:
    threads = {
        file.relative_to(ROOT).as_posix()
        for file in ROOT.glob("purger/**/*.py")
        if re.search(r"^class \w+\((LoopThread|threading\.Thread)\)", file.read_text(), re.MULTILINE)
    }
    assert len(threads) > 5
    text = section(ARCHITECTURE_PAGE, "Threads")
    assert {file for file in threads if f"`{file}`" not in text} == set()


def test_every_promise_has_its_code_and_its_tests() -> None:
    promises = rows(section(ARCHITECTURE_PAGE, "Promises"))
    assert [row[0].partition(" ")[0] for row in promises] == [f"G{number}" for number in range(1, 12)]
    for name, place, proof in promises:
        kept = "not yet" not in place
        assert (
            kept == bool(re.search(r"`[\w/]+\.\w+`", place)) == bool(re.search(r"`(test_\w+|tests/[\w/.]+)`", proof))
        ), name


def test_the_list_of_pages_names_every_page() -> None:
    every = ROOT / "docs" / "README.md"
    assert "(docs/README.md)" in (ROOT / "README.md").read_text()
    links = {(every.parent / link).resolve() for link in re.findall(r"\]\(([\w./-]+\.md)\)", every.read_text())}
    assert set(PAGES) - links == {every, ROOT / "CHANGELOG.md"}


def test_a_stranger_finishes_the_readme() -> None:
    assert len((ROOT / "README.md").read_text().split()) < 850
