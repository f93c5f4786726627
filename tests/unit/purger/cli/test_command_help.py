"""Check the help of every command: an example, and no colours in a pipe."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.pages.documented_commands import installed_commands, shown_commands
from tests.support.terminal import run_on_terminal

COMMANDS = installed_commands()

#: A command with a table, which rich draws.
TABLE = [str(Path(sys.executable).parent / "origin"), "renditions"]

#: A change of colours on a terminal. Bold and italic letters have smaller numbers.
COLOUR = re.compile("\x1b\\[(?:[0-9]+;)*(?:3[0-9]|4[0-9]|9[0-9]|10[0-7])[;m]")


@pytest.mark.parametrize("words", COMMANDS)
def test_each_command_has_an_example_of_itself(words: str) -> None:
    epilog = COMMANDS[words].epilog or ""
    assert words in [" ".join(shown[: len(words.split())]) for _, shown in shown_commands(epilog)]


def test_a_pipe_gets_no_sequences_of_a_terminal() -> None:
    assert b"\x1b" not in subprocess.check_output(TABLE, env={**os.environ, "TERM": "xterm-256color"})


def test_with_no_color_a_terminal_gets_no_colours() -> None:
    environment = {**os.environ, "TERM": "xterm-256color", "NO_COLOR": "1"}
    shown = run_on_terminal(TABLE, environment, stream="stdout").shown
    assert "thumb" in shown
    assert not COLOUR.search(shown)


@pytest.mark.parametrize(
    ("program", "words", "found"),
    [
        ("purger", "purger ed", "edge"),
        ("purger", "purger edge di", "disable"),
        ("origin", "origin serve --st", "--store"),
    ],
)
def test_a_shell_completes_commands_and_flags(program: str, words: str, found: str) -> None:
    environment = {
        **os.environ,
        f"_{program.upper()}_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    command = [str(Path(sys.executable).parent / program)]
    out = subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout
    assert f"plain,{found}" in out.splitlines()
