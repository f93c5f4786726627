"""List the commands of the project with their options, and find commands in texts."""

import re
import shlex
from collections.abc import Iterator

import click

from bench.__main__ import main as bench
from origin.cli.main import main as origin
from purger.cli.main import cli as purger
from stack.__main__ import main as stack
from stack.edges.vcl import main as vcl
from takedown_base.options import DatabaseUrlOption
from tests.chaos.__main__ import main as chaos
from tests.conformance.__main__ import main as conformance
from tests.fuzz.__main__ import main as fuzz
from tests.model.__main__ import main as model

#: The programs that are installed, and those that `./dev` starts.
INSTALLED: dict[str, click.Command] = {"origin": origin, "purger": purger}
DEVELOPMENT: dict[str, click.Command] = {
    "stack": stack,
    "stack.edges.vcl": vcl,
    "bench": bench,
    "chaos": chaos,
    "fuzz": fuzz,
    "conformance": conformance,
    "model": model,
}

#: Where a command ends in a shell's line, in a sentence, or in the output of a command that names it.
_END = re.compile(r"[;|()`]|&&|(?<!\S)\d?>")


def subcommands(group: click.Group) -> dict[str, click.Command]:
    """Return the commands of a group by their names, also of one that imports them late."""
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command}


def commands(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Yield a command and all its subcommands, each with the words that call it."""
    yield name, command
    if isinstance(command, click.Group):
        for word, each in subcommands(command).items():
            yield from commands(f"{name} {word}", each)


def installed_commands() -> dict[str, click.Command]:
    """Return the commands of the installed programs by the words that call them, without groups of commands."""
    every = [pair for name, program in INSTALLED.items() for pair in commands(name, program)]
    return {words: command for words, command in every if not isinstance(command, click.Group)}


def options(command: click.Command) -> list[click.Option]:
    """Return the options of a command, without ``--help`` and ``--version``, which each command has."""
    found = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    return [option for option in found if not {"--help", "--version"} & set(option.opts)]


def all_options() -> list[click.Option]:
    """Return the options of all programs."""
    programs = {**INSTALLED, **DEVELOPMENT}
    return [option for name in programs for _, each in commands(name, programs[name]) for option in options(each)]


def variables(option: click.Option) -> set[str]:
    """Return the variables that an option is read from, with those that name a file with a database URL."""
    names = {option.envvar} if isinstance(option.envvar, str) else set(option.envvar or ())
    return names | ({f"{name}_FILE" for name in names} if isinstance(option, DatabaseUrlOption) else set())


def shown_commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands of the installed programs in a text, each as its line and as words."""
    # Sentences about purgers, which `purger status` prints; a long one goes on in lines that are indented.
    text = re.sub(r"^ *PROBLEM: .*(?:\n {4,}\S.*)*", "", text, flags=re.MULTILINE)
    joined = re.sub(r"\\\n\s*", "", re.sub(r"(?<!\S)#.*", "", text))  # without the comments of shells
    for match in re.finditer(r'(?<![\w/."-])(?:origin|purger) (?=[a-z-])[^\n]*', joined):
        line = _END.split(match[0], maxsplit=1)[0].strip()
        try:
            words = shlex.split(line)
        except ValueError:  # a quotation mark of the sentence around it
            words = line.split()
        yield line, words


def find(words: list[str]) -> tuple[click.Command | None, list[str]]:
    """Return the command that words call, or None, and the words that follow its name."""
    command: click.Command | None = INSTALLED[words[0]]
    rest = words[1:]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        command = command.get_command(click.Context(command), rest.pop(0))
    return command, rest
