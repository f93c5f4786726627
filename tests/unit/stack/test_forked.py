"""Run commands by a fork, and hold them against the same commands that are started anew."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from stack.processes.commands import command
from stack.processes.forked import ForkedServer, can_fork, run_forked
from stack.processes.waiting import PATIENCE, wait_until

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


def test_a_server_has_its_log_and_ends_by_a_signal(tmp_path: Path) -> None:
    with (tmp_path / "log").open("ab") as log:
        server = ForkedServer([command("purger"), "wait"], ENVIRONMENT, tmp_path, log)
        assert server.wait(PATIENCE) == server.poll() == 2
        assert b"Missing argument" in (tmp_path / "log").read_bytes()
        server = ForkedServer([command("origin"), "serve"], serving(tmp_path), tmp_path, log)
    wait_until(lambda: b"listening" in (tmp_path / "log").read_bytes(), "the origin")
    assert os.getpgid(server.pid) == server.pid
    assert server.poll() is None
    server.kill()
    assert server.wait(PATIENCE) == -signal.SIGKILL


def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    starts = "import sys; from tests.unit.stack.test_forked import hold; hold(sys.argv[1])"
    with subprocess.Popen([sys.executable, "-c", starts, tmp_path], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        server = psutil.Process(int(holder.stdout.readline()))
        holder.kill()
    server.wait(PATIENCE)


def hold(directory: str) -> None:
    """Start an origin, print its process, and never end."""
    with Path(directory, "log").open("ab") as log:
        server = ForkedServer([command("origin"), "serve"], serving(Path(directory)), Path(directory), log)
    print(server.pid, flush=True)
    signal.pause()


def serving(directory: Path) -> dict[str, str]:
    """Make the variables of an origin whose database is away."""
    url = ENVIRONMENT["PURGER_DATABASE_URL"]
    return ENVIRONMENT | {
        "ORIGIN_DATABASE_URL": url,
        "ORIGIN_STORE": f"file:{directory}",
        "ORIGIN_LISTEN": "127.0.0.1:0",
    }
