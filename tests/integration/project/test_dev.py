"""Run ``./dev`` itself, with nothing to install and with a package that seems to be missing."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from stack.processes.waiting import PATIENCE, wait_until

DEV = Path(__file__).resolve().parents[3] / "dev"


def dev(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([DEV, *arguments], capture_output=True, text=True, check=False)


def test_a_command_that_it_does_not_know_is_named() -> None:
    said = dev("frob")
    assert said.returncode == 2
    assert said.stderr.startswith("dev: unknown command frob\n")
    assert "usage: ./dev COMMAND" in said.stderr


def test_without_a_command_it_tells_them_all() -> None:
    assert dev().returncode == 2
    help_ = dev("--help")
    assert help_.returncode == 0
    assert help_.stdout == dev().stderr
    for command in ("run", "test", "bench", "chaos", "check", "setup", "lock"):
        assert f"\n  {command}" in help_.stdout


def installing_dev(directory: Path) -> tuple[list[str], dict[str, str], Path]:
    """Copy ``dev`` and hide a package from it. Returns its command, its environment, and its policy-rc.d.

    Its ``apt-get install`` waits for ``release`` in the directory, after it has made ``installing`` there.
    """
    policy = directory / "policy-rc.d"
    script = DEV.read_text()
    assert "/usr/sbin/policy-rc.d" in script
    (directory / "dev").write_text(script.replace("/usr/sbin/policy-rc.d", str(policy)))
    install = f"touch '{directory}/installing'; while [ ! -e '{directory}/release' ]; do sleep 0.1; done"
    commands = {
        "apt-get": f'[ "$1" != install ] || {{ {install}; exit 100; }}',
        "id": "echo 0",
        "python3": "exit 1",  # seems to be without ensurepip
    }
    for name, lines in commands.items():
        (directory / name).write_text(f"#!/bin/sh\n{lines}\n")
        (directory / name).chmod(0o755)
    # A shell cannot trap signals that were ignored when it started, as SIGINT is after `&` and SIGHUP after nohup.
    command = ["env", "--default-signal", "bash", str(directory / "dev"), "setup"]
    return command, {"PATH": f"{directory}:{os.environ['PATH']}"}, policy


@pytest.mark.parametrize("was_there", [False, True])
@pytest.mark.parametrize("number", [None, signal.SIGINT, signal.SIGHUP, signal.SIGTERM])
def test_services_may_start_again_however_an_installation_ends(
    tmp_path: Path, number: signal.Signals | None, was_there: bool
) -> None:
    command, environment, policy = installing_dev(tmp_path)
    if was_there:
        policy.write_text("somebody else's")
    with subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.PIPE) as process:
        wait_until((tmp_path / "installing").exists, "the installation")
        assert policy.exists()
        if number is None:
            (tmp_path / "release").touch()
        else:
            os.killpg(process.pid, number)  # as a terminal does
        process.communicate(timeout=PATIENCE)  # ends once no process of the group holds stderr
    assert process.returncode != 0
    assert policy.exists() is was_there
