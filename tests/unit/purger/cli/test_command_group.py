"""Type an unknown command: no guess is made, since the most similar name may do the opposite."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from purger.cli.main import cli


@pytest.mark.parametrize(
    ("typed", "meant", "opposite"),
    [("unban", "purger lift", "purger ban"), ("unlift", "purger ban", "purger lift"), ("list", "purger bans", "lift")],
)
def test_the_opposite_of_what_was_meant_is_never_suggested(typed: str, meant: str, opposite: str) -> None:
    result = CliRunner().invoke(cli, [typed, "kX3_vQ"])
    assert result.exit_code == 2
    assert meant in result.output
    assert "Did you mean" not in result.output
    assert opposite not in result.output.partition("there is no command")[2].replace(meant, "")


@pytest.mark.parametrize("typed", ["bann", "lif", "stats"])
def test_a_misspelled_command_is_answered_with_all_of_them(typed: str) -> None:
    result = CliRunner().invoke(cli, [typed])
    assert result.exit_code == 2
    told = result.output.partition("there is no command")[2]
    assert all(name in told for name in cli.list_commands(click.Context(cli)))


def test_a_command_is_called_without_importing_the_others() -> None:
    script = "import sys; from purger.cli.main import cli; cli(['ban', '--help'], standalone_mode=False);"
    script += "print([name for name in sys.modules if name.startswith('purger.cli.') or name == 'requests'])"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    imported = ran.stdout.splitlines()[-1]
    assert "'purger.cli.moderation.ban'" in imported
    assert not any(f"'{name}'" in imported for name in ("purger.cli.run", "purger.cli.status", "requests"))
