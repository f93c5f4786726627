"""Type commands wrongly: each error is one line, which says what is wrong and which --help has more."""

import pytest
from click.testing import CliRunner

from origin.cli.main import main as origin
from purger.cli.main import cli as purger


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("purger bans --since yesterday", "'yesterday' is no time (UTC): write 2026-12-01 or 2026-12-01T18:30"),
        ("purger edge add", "Missing argument 'NAME' (`purger edge add --help`)"),
        ("purger edge nope", "No such command 'nope' (`purger edge --help`)"),
        ("purger --nope", "No such option '--nope' (`purger --help`)"),
        ("purger flush --moderation-url", "(`purger flush --help`)"),
        ("origin import --nope", "(`origin import --help`)"),
        ("origin nope", "(`origin --help`)"),
    ],
)
def test_an_error_of_usage_is_one_line(arguments: str, said: str) -> None:
    name, *rest = arguments.split()
    result = CliRunner().invoke({"purger": purger, "origin": origin}[name], rest, prog_name=name)
    assert result.exit_code == 2
    (line,) = result.output.splitlines()
    assert line.startswith("Error: ")
    assert said in line
