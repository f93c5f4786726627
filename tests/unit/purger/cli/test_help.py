"""Read `--help` of the purger's commands: each option has a text, and each setting a unit and a default."""

import click
import pytest
from click.testing import CliRunner

from purger.cli.main import cli
from purger.cli.run import run
from tests.support.pages.documented_commands import commands

NUMBERS = [option for option in run.params if isinstance(option.type, click.IntRange | click.FloatRange)]


COMMANDS = dict(commands("purger", cli))


@pytest.mark.parametrize("words", COMMANDS)
def test_each_option_has_a_text(words: str) -> None:
    options = [each for each in COMMANDS[words].params if isinstance(each, click.Option)]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("option", NUMBERS, ids=lambda option: option.name)
def test_each_setting_of_run_says_its_unit_its_reason_and_its_default(option: click.Option) -> None:
    assert option.help is not None
    assert option.help.startswith(("Seconds ", "Days "))
    assert any(mark in option.help for mark in (". ", ", for ", ": ")), "a reason follows"
    assert option.show_default
    out = " ".join(CliRunner().invoke(cli, ["run", "--help"]).output.split())
    assert f"{option.opts[0]} " in out
    assert f"default: {option.default}" in out
