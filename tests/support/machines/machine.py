"""Run whole machines, each with systemd, a network address and files of its own, as namespaces of the kernel.

A machine is systemd as the first process of new namespaces (``boot``). Its files are those of this machine, in an
overlay: what it writes disappears with it. All machines are connected to one switch, a bridge in a network namespace of
its own, so that nothing of the real network is touched. It takes root, and a kernel that allows all of this.
"""

import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from stack.processes.waiting import wait_until

_BOOT = Path(__file__).parent / "boot"

#: Units that would change settings of the kernel, which all machines share, or that take long and serve nothing here.
_MASKED = (
    *("systemd-sysctl", "systemd-modules-load", "systemd-tmpfiles-setup-dev", "systemd-tmpfiles-setup-dev-early"),
    *("systemd-remount-fs", "systemd-journal-catalog-update", "systemd-update-done", "ldconfig", "systemd-hwdb-update"),
    *("systemd-binfmt", "systemd-udevd", "systemd-udev-trigger", "systemd-networkd", "systemd-resolved"),
)

#: Beginnings, in small letters, of the names of variables by which pip finds its registry.
_TO_REGISTRIES = ("pip_", "http_proxy", "https_proxy", "no_proxy", "ssl_cert", "requests_ca", "curl_ca")

#: The home directory of root on each machine.
HOME = "/root"

#: Units of Debian's packages that the machines start.
_UNITS = ("hitch", "mariadb", "varnish")


def why_impossible() -> str:
    """Return the reason why no machine can be run here, or nothing."""
    if os.geteuid() != 0:
        return "only root can make machines of namespaces"
    missing = [unit for unit in _UNITS if not Path("/usr/lib/systemd/system", f"{unit}.service").exists()]
    if missing:
        return f"no Debian package with a unit for {', '.join(missing)} is installed"
    with tempfile.TemporaryDirectory() as directory:
        steps = (
            f"mount -t tmpfs none {directory}",
            f"cd {directory}",
            "mkdir groups files root work",
            "mount -t cgroup2 none groups",
            f"mkdir groups/trial-{os.getpid()}",
            f"rmdir groups/trial-{os.getpid()}",
            "mount -t overlay -o lowerdir=/,upperdir=files,workdir=work none root",
            "ip link add switch type bridge",
            "unshare --user true",
        )
        namespaces = ["unshare", "--mount", "--net", "--pid", "--fork", "--uts", "--ipc", "--cgroup"]
        tried = subprocess.run(
            [*namespaces, "sh", "-ec", "\n".join(steps)], capture_output=True, text=True, check=False
        )
    return f"this kernel or container allows no machines: {tried.stderr.strip()}" if tried.returncode else ""


class Switch:
    """The network of the machines: a bridge in a namespace that ends with this process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["unshare", "--net", "setpriv", "--pdeathsig", "KILL", "sleep", "infinity"], stdin=subprocess.DEVNULL
        )
        wait_until(lambda: _in_other_network(self._process.pid), "the switch's namespace")
        self._run("ip", "link", "add", "switch", "type", "bridge")
        self._run("ip", "link", "set", "switch", "up")

    def plug(self, pid: int, name: str, address: str) -> None:
        """Connect the namespace of a process by an interface ``eth0``, with an address such as 10.0.0.2."""
        self._run("ip", "link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", str(pid))
        self._run("ip", "link", "set", f"to-{name}", "master", "switch", "up")
        inside = ["nsenter", "--net", f"--target={pid}", "ip"]
        subprocess.run([*inside, "address", "add", f"{address}/8", "dev", "eth0"], check=True)
        subprocess.run([*inside, "link", "set", "eth0", "up"], check=True)

    def unplug(self, name: str) -> None:
        """Cut a machine off: neither its packets nor those to it arrive any more."""
        self._run("ip", "link", "set", f"to-{name}", "down")

    def plug_again(self, name: str) -> None:
        """End what ``unplug`` began."""
        self._run("ip", "link", "set", f"to-{name}", "up")

    def close(self) -> None:
        """Take the network away."""
        self._process.kill()
        self._process.wait()

    def _run(self, *arguments: str) -> None:
        subprocess.run(["nsenter", "--net", f"--target={self._process.pid}", *arguments], check=True)


class Machine:
    """A machine with systemd. ``root`` is its directory ``/``, as seen from here."""

    def __init__(self, name: str, directory: Path, shared: Path) -> None:
        """Boot a machine; take its name, a directory that does not exist yet, and one that it has as ``/shared``."""
        self.name = name
        self._group = f"machine-{os.getpid()}-{name}"
        layer = directory / "files"
        layer.mkdir(parents=True)
        self._log = (directory / "boot.log").open("wb")
        self._process = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--net", "--pid", "--fork", "--uts", "--ipc"),
                *("--kill-child=KILL", _BOOT, name, layer, shared, self._group, *_MASKED),
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        self._pid = wait_until(self._first_process, f"the first process of {name}")
        self.root = Path(f"/proc/{self._pid}/root")
        wait_until(self._is_up, f"{name} has booted")

    @property
    def pid(self) -> int:
        """The machine's first process, as seen from here."""
        return self._pid

    def run(self, script: str, *, code: int | None = 0, directory: str = HOME, outside: bool = False) -> str:
        """Run lines of bash as root in a directory of the machine; return what they print.

        Asserts the exit code, unless ``code`` is None, and then returns standard output and error, one after the other.
        ``outside`` gives them the network of the real machine, and its ways to the registries.
        """
        spaces = ["--mount", "--pid", "--uts", "--ipc", "--cgroup"] if outside else ["--all"]
        own = {name: os.environ[name] for name in os.environ if outside and name.lower().startswith(_TO_REGISTRIES)}
        ran = subprocess.run(
            [
                *("nsenter", f"--target={self._pid}", *spaces, "--root", f"--wd={self.root}{directory}"),
                *("bash", "--noprofile", "--norc", "-es"),
            ],
            env={**own, "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": HOME},
            input=script,
            capture_output=True,
            text=True,
            check=False,
        )
        if code is not None and ran.returncode != code:
            journal = "" if "journalctl" in script else self.run("journalctl --no-pager --lines=30", code=None)
            raise AssertionError(f"{self.name}: {script}\n{ran.stdout}\n{ran.stderr}\n{journal}")
        return ran.stdout + (ran.stderr if code is None else "")

    def write(self, file: str, text: str) -> None:
        """Write a file of the machine."""
        path = self.root / file.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def close(self) -> None:
        """Switch the machine off: all its processes are killed."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()
        with tempfile.TemporaryDirectory() as groups:
            removal = f"mount -t cgroup2 none {groups} && find {groups}/{self._group} -depth -type d -exec rmdir {{}} +"
            subprocess.run(["unshare", "--mount", "sh", "-c", removal], check=False)

    def _first_process(self) -> int | None:
        if self._process.poll() is not None:
            raise AssertionError(f"{self.name} did not boot: {Path(self._log.name).read_text()}")
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        first = int(children[0]) if children else None
        return first if first and Path(f"/proc/{first}/comm").read_text().strip() == "systemd" else None

    def _is_up(self) -> bool:
        return self.run("systemctl is-system-running || true").strip() in ("running", "degraded")


def _in_other_network(pid: int) -> bool:
    return Path(f"/proc/{pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()
