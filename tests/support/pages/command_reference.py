"""Write docs/reference/help.md from the code: each command with its flags, variables and defaults.

`.venv/bin/python -m tests.support.pages.command_reference` writes it anew.
"""

import re

import click

from tests.support.pages.documented_commands import installed_commands, options
from tests.support.pages.markdown_pages import ROOT

PAGE = ROOT / "docs/reference/help.md"

_HEAD = """# Flags of every command

This page is made from the code, by `.venv/bin/python -m tests.support.pages.command_reference`. `--help` of a command
has more: examples, exit codes, and the reason of each flag. A flag that is the same in several commands is described
with the first of them, and the others name it below their table. [commands.md](commands.md) is the overview.
"""


def reference() -> str:
    """Return the page: a section for each command."""
    described: set[str] = set()
    sections = [_section(words, command, described) for words, command in sorted(installed_commands().items())]
    return _HEAD + "".join(sections)


def _section(words: str, command: click.Command, described: set[str]) -> str:
    """Describe a command. Adds the rows of its flags to ``described``, and leaves out those that are there."""
    rows = {max(option.opts, key=len): _row(option) for option in options(command)}
    new = [row for row in rows.values() if row not in described]
    repeated = [f"`{flag}`" for flag, row in rows.items() if row in described]
    described |= set(new)
    arguments = " ".join(each.make_metavar(click.Context(command)) for each in command.params if not _is_flag(each))
    parts = [f"## {words}", f"`{words} {arguments}`: {_first_sentence(command.help)}" if arguments else ""]
    parts[1] = parts[1] or _first_sentence(command.help)
    if new:
        parts.append("\n".join(["| flag | variable | default | |", "|---|---|---|---|", *new]))
    if repeated:
        parts.append(f"As above: {', '.join(repeated)}.")
    return "\n" + "\n\n".join(parts) + "\n"


def _is_flag(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Option)


def _row(option: click.Option) -> str:
    variables = [option.envvar] if isinstance(option.envvar, str) else list(option.envvar or [])
    cells = [
        ", ".join(f"`{name}`" for name in option.opts),
        ", ".join(f"`{name}`" for name in variables),
        _default(option),
        _first_sentence(option.help),
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(option: click.Option) -> str:
    """Return the default as the help shows it; an empty text where there is no value."""
    extra = option.get_help_extra(click.Context(click.Command("")))
    return "required" if extra.get("required") else str(extra.get("default", ""))


def _first_sentence(text: str | None) -> str:
    paragraph = " ".join((text or "").partition("\n\n")[0].split())
    return re.split(r"(?<=\.) (?=[A-Z])", paragraph)[0]


if __name__ == "__main__":
    PAGE.write_text(reference())
