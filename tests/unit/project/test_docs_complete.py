"""Compare the code with the pages: each command, flag, variable, exit code, problem and header stands in them."""

import re
from itertools import chain

import click
import pytest

from purger.edge.errors import DeliveryError
from purger.exit_codes import ExitCode
from tests.support.pages.documented_commands import DEVELOPMENT, commands, installed_commands, options, variables
from tests.support.pages.markdown_pages import PAGES, ROOT, code, rows, section

COMMANDS_PAGE = ROOT / "docs/reference/commands.md"
ARCHITECTURE_PAGE = ROOT / "docs/internals/architecture.md"
COMMANDS = installed_commands()

#: Commands whose flags have a table each, with variables and defaults.
WITH_TABLES = {
    "origin serve": "Settings of origin serve",
    "origin import": "Flags of origin import",
    "origin ingest": "Settings of origin ingest",
    "purger run": "Settings of purger run",
}

#: Flags of accounts, told once for all commands.
OF_ACCOUNTS = {"--database-url", "--moderation-url"}

#: Words of a default that is no value.
NO_VALUE = {"required", "off", "none", "a grey drawing", "one for each processor", "thumb alone"}


def first_spans(text: str) -> list[str]:
    """Return the code spans in the first cells of a text's tables."""
    return list(chain.from_iterable(re.findall(r"`([^`]+)`", row[0]) for row in rows(text)))


def described(command: str) -> str:
    """Return the row of the page that describes a command; a section of its own as well, where it has one."""
    found = [" ".join(row) for row in rows(COMMANDS_PAGE.read_text()) if re.search(rf"`{command}(`| )", row[0])]
    if command in WITH_TABLES:
        found.append(section(COMMANDS_PAGE, WITH_TABLES[command]))
    return "\n".join(found)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_its_flags_are_described(command: str) -> None:
    # `edge set` has the flags of `edge add`, and its row says so.
    text = described(command) + (described("purger edge add") if command == "purger edge set" else "")
    flags = {flag for option in options(COMMANDS[command]) for flag in option.opts} - OF_ACCOUNTS
    assert text
    assert {flag for flag in flags if not re.search(rf"{flag}(?![\w-])", text)} == set()


@pytest.mark.parametrize("command", WITH_TABLES)
def test_tables_have_the_variables_and_defaults(command: str) -> None:
    known = {option.opts[0]: option for option in options(COMMANDS[command]) if option.opts[0] not in OF_ACCOUNTS}
    table = {row[0].strip("`"): row[1:3] for row in rows(section(COMMANDS_PAGE, WITH_TABLES[command]))}
    assert table.keys() == known.keys()
    for flag, (variable, default) in table.items():
        of_flag = known[flag].envvar
        # The first of several is the one to use, the others are older names.
        assert variable.strip("`") == ((of_flag if isinstance(of_flag, str) else of_flag[0]) if of_flag else ""), flag
        assert default.strip("`") == shown_default(known[flag], default), flag


def shown_default(option: click.Option, said: str) -> str:
    """Return an option's default as the page has to show it, given what it says where that is a word."""
    if said in NO_VALUE:
        assert option.required == (said == "required")
        assert said != "off" or option.is_flag
        return said
    default = option.default
    return f"{default[0]}:{default[1]}" if isinstance(default, tuple) else str(default)


def test_every_variable_is_described() -> None:
    text = "\n".join(code(page) for page in PAGES)
    every = set(chain.from_iterable(variables(option) for each in COMMANDS.values() for option in options(each)))
    named = {each for each in every if not each.endswith("_FILE")}  # the rule for these is told once
    assert "PURGER_TOKEN_DIRECTORY" in text
    assert {each for each in named if not re.search(rf"\b{each}\b", text)} == set()


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


def test_every_command_of_dev_and_its_options_are_described() -> None:
    text = section(COMMANDS_PAGE, "Development")
    known = set(re.findall(r"^    ([a-z]+)\)$", (ROOT / "dev").read_text(), re.MULTILINE))
    assert set(first_spans(text)) == {f"./dev {each}" for each in known}
    found = [option for name in ("bench", "chaos", "conformance", "fuzz", "model", "stack") for option in all_of(name)]
    names = [str(option.envvar or option.opts[0]) for option in found]
    assert {"STACK_EDGES", "--seed", "--rounds"} <= set(names)
    assert [name for name in names if not re.search(rf"`{name}`", text)] == []


def all_of(program: str) -> list[click.Option]:
    """Return the options of a development program and of all its commands."""
    return [option for _, each in commands(program, DEVELOPMENT[program]) for option in options(each)]


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
    assert [row[0].partition(" ")[0] for row in promises] == [f"G{number}" for number in range(1, 11)]
    for name, _, place, proof in promises:
        kept = "not yet" not in place
        assert (
            kept == bool(re.search(r"`[\w/]+\.\w+`", place)) == bool(re.search(r"`(test_\w+|tests/[\w/.]+)`", proof))
        ), name


def test_the_list_of_pages_names_every_page() -> None:
    every = ROOT / "docs" / "README.md"
    assert "(docs/README.md)" in (ROOT / "README.md").read_text()
    links = {(every.parent / link).resolve() for link in re.findall(r"\]\(([\w./-]+\.md)\)", every.read_text())}
    assert set(PAGES) - links == {every, ROOT / "CHANGELOG.md"}
