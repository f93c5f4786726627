"""Write docs/reference/help.md from the code: the help of every command, as `--help` prints it.

`.venv/bin/python -m tests.support.pages.command_reference` writes it anew.
"""

import click

from tests.support.pages.documented_commands import INSTALLED, find, installed_commands
from tests.support.pages.markdown_pages import ROOT

PAGE = ROOT / "docs/reference/help.md"

#: Characters in a line of help.
_WIDTH = 100

_HEAD = """# The help of every command

This page is made from the code, by `.venv/bin/python -m tests.support.pages.command_reference`.
[commands.md](commands.md) is the overview, with exit codes, variables and defaults in tables.
"""


def reference() -> str:
    """Return the page: a section for each program and command."""
    words = [*INSTALLED, *installed_commands()]
    return _HEAD + "".join(f"\n## {each}\n\n```text\n{_help(each)}\n```\n" for each in sorted(words))


def _help(words: str) -> str:
    # Commands take names of the help option from their groups.
    context, path = None, words.split()
    for length in range(1, len(path) + 1):
        command, _ = find(path[:length])
        assert command is not None
        name = path[length - 1]
        context = click.Context(
            command, parent=context, info_name=name, terminal_width=_WIDTH, **command.context_settings
        )
    assert context is not None
    return context.get_help()


if __name__ == "__main__":
    PAGE.write_text(reference())
