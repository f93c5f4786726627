"""Holds the pages against the code: links, commands, flags and variables that they name exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from database.options import DatabaseUrlOption
from origin.cli import main as origin
from purger.cli import cli as purger
from stack.__main__ import main as stack
from stack.program import VARIABLE
from stack.vcl import main as vcl
from tests.chaos.__main__ import main as chaos
from tests.documents import PAGES, ROOT, code
from tests.fuzz.__main__ import main as fuzz

COMMANDS: dict[str, click.Command] = {"origin": origin, "purger": purger, "stack": stack}
OTHERS: list[click.Command] = [vcl, chaos, fuzz]
# Flags of other people's programs.
FOREIGN = {"--no-defaults", "--socket", "--skip-triggers", "--help"}
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]


def commands(command: click.Command) -> Iterator[click.Command]:
    """A command and all below it."""
    yield command
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from commands(each)


def options() -> Iterator[click.Option]:
    """Every option of every command."""
    for root in [*COMMANDS.values(), *OTHERS]:
        for command in commands(root):
            yield from (parameter for parameter in command.params if isinstance(parameter, click.Option))


def variables() -> set[str]:
    """Every variable that an option is read from, and those of files with database URLs."""
    found = set()
    for option in options():
        names = {option.envvar} if isinstance(option.envvar, str) else set(option.envvar or ())
        found |= names
        if isinstance(option, DatabaseUrlOption):
            found |= {f"{name}_FILE" for name in names}
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_relative_link_leads_somewhere(name: str) -> None:
    page = ROOT / name
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_flag_exists(name: str) -> None:
    known = {flag for option in options() for flag in option.opts} | FOREIGN
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", code(ROOT / name))) - known == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_exists(name: str) -> None:
    tests = "\n".join(path.read_text() for path in ROOT.glob("tests/**/*.py"))
    known = variables() | {VARIABLE} | set(re.findall(r'"(TAKEDOWN_[A-Z_]+|TEST_[A-Z_]+)"', tests))
    used = set(re.findall(r"\b(?:PURGER|ORIGIN|STACK|TAKEDOWN)_[A-Z_]*[A-Z]\b", code(ROOT / name)))
    # Set by ./dev run for those who use it, and read by no command.
    assert used - known - {"ORIGIN_URL"} == set()


@pytest.mark.parametrize("text", [ROOT / "README.md", ROOT / "dev"], ids=["README.md", "dev"])
def test_the_ports_are_the_ones_that_are_used(text: Path) -> None:
    said = dict(re.findall(r"(STACK_[A-Z]+_PORT)`? \((\d+)\)", text.read_text()))
    ports = {str(option.envvar): str(option.default) for option in options() if str(option.envvar).endswith("_PORT")}
    assert said == ports != {}


@pytest.mark.parametrize("name", NAMES)
def test_every_command_exists(name: str) -> None:
    wrong = []
    text = re.sub(r"(?<!\S)#.*", "", code(ROOT / name))  # without the comments of shells
    for program, words in re.findall(r"(?:^|[\s;(])(origin|purger) ([a-z]+(?: [a-z]+)?)\b(?![:/])", text):
        command: click.Command | None = COMMANDS[program]
        for word in words.split():
            if isinstance(command, click.Group):
                command = command.commands.get(word)
        if command is None:
            wrong.append(f"{program} {words}")
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_every_command_of_dev_exists(name: str) -> None:
    known = set(re.findall(r"^    ([a-z]+)\)$", (ROOT / "dev").read_text(), re.MULTILINE))
    assert "fuzz" in known
    assert set(re.findall(r"\./dev ([a-z]+)", code(ROOT / name))) - known == set()
