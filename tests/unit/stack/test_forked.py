"""Run commands by a fork, and hold them against the same commands that are started anew."""

import os
import subprocess
from pathlib import Path

import pytest

from stack.commands import command
from stack.forked import can_fork, run_forked

ENVIRONMENT = {"PATH": os.defpath, "PURGER_DATABASE_URL": "mysql://nobody@localhost/takedown?unix_socket=/nowhere"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("purger", "--version"),
        ("purger", "bans"),
        ("purger", "no-such-command"),
        ("purger", "status"),
        ("purger", "verify", "-", "--key", "no key"),
        ("origin", "serve", "--workers", "none"),
    ],
    ids=" ".join,
)
def test_a_fork_prints_and_ends_as_a_command_that_is_started(arguments: tuple[str, ...]) -> None:
    line = [command(arguments[0]), *arguments[1:]]
    started = subprocess.run(line, env=ENVIRONMENT, input="text", capture_output=True, text=True, check=False)
    forked = run_forked(line, ENVIRONMENT, "text")
    assert (forked.returncode, forked.stdout, forked.stderr) == (started.returncode, started.stdout, started.stderr)


def test_a_fork_sees_its_own_environment_and_no_other(tmp_path: Path) -> None:
    line = [command("purger"), "vcl", str(tmp_path / "edge")]
    assert run_forked(line, ENVIRONMENT, None).returncode == 0
    assert (tmp_path / "edge" / "default.vcl").is_file()
    assert run_forked([command("purger"), "bans"], {}, None).returncode == 2


@pytest.mark.parametrize("name", ["LD_PRELOAD", "LC_ALL", "PYTHONPATH", "TZ"])
def test_what_acts_at_a_start_is_started(name: str) -> None:
    assert can_fork([command("purger")], ENVIRONMENT)
    assert not can_fork([command("purger")], {**ENVIRONMENT, name: "another"})
    assert not can_fork(["mariadb"], ENVIRONMENT)
