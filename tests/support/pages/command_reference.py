"""Write docs/reference/help.md from the code: the help of every command, as `--help` prints it.

`.venv/bin/python -m tests.support.pages.command_reference` writes it anew.
"""

import re
from textwrap import fill

import click

from tests.support.pages.documented_commands import INSTALLED, find, installed_commands
from tests.support.pages.markdown_pages import ROOT

PAGE = ROOT / "docs/reference/help.md"

#: Characters in a line of help.
_WIDTH = 100

_HEAD = """# The help of every command

This page is made from the code, by `.venv/bin/python -m tests.support.pages.command_reference`.
[commands.md](commands.md) is the overview. A flag that is the same in several commands is shown with the first of them,
and the others name it behind "as above".
"""

#: A flag in a help, with its lines.
_FLAG = re.compile(r"^  (?=-)(.*\n(?:    .*\n)*)", re.MULTILINE)


def reference() -> str:
    """Return the page: a section for each program and command."""
    words = [*INSTALLED, *installed_commands()]
    shown: set[str] = set()
    texts = [(each, _shorten(_help(each), shown)) for each in sorted(words)]
    return _HEAD + "".join(f"\n## {each}\n\n```text\n{text}\n```\n" for each, text in texts)


def _shorten(help_: str, shown: set[str]) -> str:
    """Take the flags out that an earlier command has shown, and name them. Adds the others to ``shown``."""
    repeated = []

    def keep(found: re.Match[str]) -> str:
        text = " ".join(found[1].split())
        if text not in shown:
            shown.add(text)
            return found[0]
        repeated.extend(re.findall(r"^(?:-\w, )?(--[\w-]+)", text))
        return ""

    text = _FLAG.sub(keep, help_ + "\n")
    lines = fill(", ".join(repeated), _WIDTH, initial_indent="  as above: ", subsequent_indent="    ")
    return text.replace("\nOptions:\n", f"\nOptions:\n{lines}\n" if repeated else "\nOptions:\n", 1).rstrip("\n")


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
