"""``./dev`` itself, where it has nothing to install."""

import subprocess
from pathlib import Path

DEV = Path(__file__).resolve().parent.parent.parent / "dev"


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
