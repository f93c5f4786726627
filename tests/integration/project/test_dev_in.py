"""Enter another release by ``./dev in``: really with mount namespaces, and with stubs of debootstrap and chroot."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from stack.processes.waiting import PATIENCE, wait_until

ROOT = Path(__file__).resolve().parents[3]

#: Makes the directories of a tree. Fails while a file "broken" lies beside it.
_DEBOOTSTRAP = """
echo "$@" >>"$HOME/debootstrapped"
tree=${!#}
mkdir -p "$tree"/{dev,proc,sys,tmp,root,usr/local/share/ca-certificates}
mkdir -p "$tree"/{var/lib/dpkg/updates,etc/apt/apt.conf.d,etc/dpkg/dpkg.cfg.d}
[ ! -e "$HOME/broken" ] || { echo "E: the mirror is broken"; exit 9; }
"""

#: Tells its arguments and the mounts, then does what the test has asked for.
_CHROOT = """
[ "$2" != update-ca-certificates ] || exit 0
echo "chroot $*"
grep -o "$HOME/cache/[^ ]*" /proc/self/mounts
eval "$INSIDE"
"""


def _may_mount() -> bool:
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0


@dataclass(frozen=True)
class Machine:
    """A checkout, a cache and stubs in a directory of their own."""

    home: Path

    @property
    def tree(self) -> Path:
        """Return the directory of the release."""
        return self.home / "cache/edge-takedown/sid"

    def start(self, *arguments: str, inside: str = "", **variables: str) -> subprocess.Popen[str]:
        """Start ``./dev in`` with these arguments; ``inside`` is run in the release's place."""
        path = f"{self.home}/stubs:{os.environ['PATH']}"
        environment = os.environ | {"HOME": str(self.home), "XDG_CACHE_HOME": f"{self.home}/cache", "PATH": path}
        environment |= {"INSIDE": inside, **variables}
        command = [f"{self.home}/checkout/stack/in_release", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True)

    def run(self, *arguments: str, inside: str = "") -> tuple[int, str, str]:
        """Run ``./dev in``. Returns exit code, output and errors."""
        process = self.start(*arguments, inside=inside)
        output, errors = process.communicate(timeout=PATIENCE)
        return process.returncode, output, errors

    def stub(self, name: str, lines: str) -> None:
        """Put a command before all others of this name."""
        stub = self.home / "stubs" / name
        stub.write_text(f"#!/bin/bash\n{lines}\n")
        stub.chmod(0o755)

    def mounts(self) -> list[str]:
        """Return the mounts below this directory that the whole machine sees."""
        return [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(self.home) in line]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    (tmp_path / "stubs").mkdir()
    (tmp_path / "checkout/stack").mkdir(parents=True)
    shutil.copy(ROOT / "stack/in_release", tmp_path / "checkout/stack")
    machine = Machine(tmp_path)
    machine.stub("debootstrap", _DEBOOTSTRAP)
    machine.stub("chroot", _CHROOT)
    yield machine
    assert machine.mounts() == []


@pytest.mark.parametrize("arguments", [(), ("sid",), ("../sid", "test"), ("Sid", "test")])
def test_arguments_that_name_no_release_or_no_command_are_refused(machine: Machine, arguments: tuple[str, ...]) -> None:
    code, output, errors = machine.run(*arguments)
    assert (code, output) == (2, "")
    assert errors.startswith("dev: ")
    assert not (machine.home / "cache").exists()


def test_without_root_it_tells_how_to_call_it(machine: Machine) -> None:
    machine.stub("id", "echo 1000")
    code, _, errors = machine.run("sid", "test", "-x")
    assert code == 1
    assert "sudo ./dev in sid test -x" in errors


@pytest.mark.skipif(not _may_mount(), reason="needs root, and a machine that lets it mount")
class TestMounts:
    def test_a_command_sees_the_checkout_with_a_venv_of_the_release(self, machine: Machine) -> None:
        code, output, _ = machine.run("sid", "test", "two words", inside="exit 7")
        assert code == 7
        assert f"chroot {machine.tree} env" in output
        assert "/edge-takedown/dev test two words\n" in output
        mounted = set(output.splitlines()[1:])
        parts = ("dev", "proc", "sys", "tmp", "edge-takedown", "edge-takedown/.venv")
        assert {f"{machine.tree}/{part}" for part in parts} <= mounted
        # A file that is written to .venv inside is none of the checkout's own .venv.
        machine.run(
            "sid", "test", inside=f"touch {machine.tree}/edge-takedown/.venv/here {machine.tree}/edge-takedown/there"
        )
        assert (machine.home / "checkout/there").exists()
        assert list((machine.home / "checkout/.venv").iterdir()) == []
        assert list(machine.tree.parent.glob("sid-venv-*/here")) != []

    def test_the_release_is_unpacked_once(self, machine: Machine) -> None:
        for _ in range(2):
            assert machine.run("sid", "test")[0] == 0
        assert len((machine.home / "debootstrapped").read_text().splitlines()) == 1

    def test_a_release_that_cannot_be_had_is_told_with_the_reason_and_tried_again(self, machine: Machine) -> None:
        (machine.home / "broken").touch()
        code, output, errors = machine.run("sid", "test")
        assert (code, output) == (1, "")
        assert "E: the mirror is broken" in errors
        assert not machine.tree.exists()
        (machine.home / "broken").unlink()
        assert machine.run("sid", "test")[0] == 0

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_reaches_the_command_alone(self, machine: Machine, number: signal.Signals) -> None:
        inside = "trap 'exit 42' INT TERM; touch $HOME/entered; while :; do sleep 0.1; done"
        with machine.start("sid", "test", inside=inside) as process:
            try:
                wait_until((machine.home / "entered").exists, "the command")
                process.send_signal(number)
                assert process.wait(PATIENCE) == 42
            finally:
                process.kill()

    def test_a_second_one_waits_until_the_first_is_set_up(self, machine: Machine) -> None:
        os.mkfifo(machine.home / "set-up")
        inside = "touch $HOME/entered; read -r _ <$HOME/set-up; exec 9>&-; exec sleep 600"
        with machine.start("sid", "test", inside=inside) as first:
            try:
                wait_until((machine.home / "entered").exists, "the command")
                with machine.start("sid", "test") as second:
                    assert second.stderr is not None
                    assert "waiting for another ./dev" in second.stderr.readline()
                    (machine.home / "set-up").write_text("done\n")
                    assert second.wait(PATIENCE) == 0
                assert first.poll() is None
            finally:
                first.kill()
