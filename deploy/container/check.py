"""Build the images of compose.yaml and run its services without a container engine, then take an image down.

As root, with buildah, netavark and debootstrap: .venv/bin/python deploy/container/check.py. It takes minutes and some
gigabytes.

Shown: the images build; the commands, environments, secrets, volumes, users, dependencies and health checks of the
compose file lead to a stack that takes an image down, and each service ends within its grace period. All services share
one network namespace, in which every name is 127.0.0.1. Not shown: networks between containers, published ports,
`read_only`, `cap_drop`, restarts, and the compose engine itself.
"""

import argparse
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
CONTAINERFILE = ROOT / "deploy" / "container" / "Containerfile"
COMPOSE = ROOT / "deploy" / "compose.yaml"
BASE = "localhost/edge-takedown-base"

#: buildah raises limits beyond what an ordinary root may; with these it does not.
LIMITS = ["--ulimit", "nofile=20000:20000", "--ulimit", "nproc=90000:90000"]

#: Seconds for a service to become healthy, or to complete.
PATIENCE = 120.0


def main() -> None:
    """Build, then run in a network of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, help="a bare Debian to build on, as debootstrap unpacks it")
    parser.add_argument("--storage", type=Path, default=Path("/var/tmp/edge-takedown-containers"))
    parser.add_argument("--no-build", action="store_true", help="run the images of an earlier build")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if os.geteuid() != 0 or not shutil.which("buildah"):
        sys.exit("check: this needs root, and Debian's packages buildah, netavark and debootstrap")
    buildah = Buildah(arguments.storage)
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    if arguments.inside:
        run(buildah, services, arguments.storage)
        return
    if not arguments.no_build:
        build(buildah, services, arguments.tree, arguments.storage)
    # All that it starts ends with it, and nothing else of the machine can be reached.
    isolated = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    sys.exit(subprocess.run([*isolated, sys.executable, __file__, *sys.argv[1:], "--inside"], check=False).returncode)


class Buildah:
    """The program buildah, without a daemon, with its images below one directory."""

    def __init__(self, storage: Path) -> None:
        self._options = ["--root", str(storage / "root"), "--runroot", str(storage / "run"), "--storage-driver", "vfs"]

    def command(self, *words: str | Path) -> list[str]:
        """Return a command line of buildah's."""
        return ["buildah", *self._options, *map(str, words)]

    def call(self, *words: str | Path) -> str:
        """Run a command of buildah's to its end, and return its output."""
        return subprocess.run(self.command(*words), check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def build(buildah: Buildah, services: dict[str, Any], tree: Path | None, storage: Path) -> None:
    """Make the base image from a bare Debian, and on it the image of each service."""
    storage.mkdir(parents=True, exist_ok=True)
    if tree is None:
        tree = storage / "debian"
        if not tree.exists():
            new = storage / "debian.new"
            shutil.rmtree(new, ignore_errors=True)
            say("unpacking a bare Debian")
            debootstrap = ["debootstrap", "--variant=minbase", "--include=ca-certificates", "trixie", str(new)]
            subprocess.run(["unshare", "--mount", *debootstrap], check=True, stdout=subprocess.DEVNULL)
            new.rename(tree)
    take_settings(tree)
    container = buildah.call("from", "scratch")
    buildah.call("copy", "--quiet", container, tree, "/")
    buildah.call("commit", "--quiet", "--rm", container, BASE)
    for service in {each["image"]: each for each in services.values()}.values():
        say(f"building {service['image']}")
        options = ["--isolation", "chroot", *LIMITS, "--layers=false", "--quiet", "--build-arg", f"BASE={BASE}"]
        target = ["--target", service["build"]["target"], "--tag", service["image"]]
        began = time.monotonic()
        buildah.call("build", *options, *target, "--file", CONTAINERFILE, ROOT)
        say(f"built {service['image']} in {time.monotonic() - began:.0f} s")


def take_settings(tree: Path) -> None:
    """Take along the machine's ways to registries: its own authorities, and the options of apt and pip."""
    own = Path("/usr/local/share/ca-certificates")
    if own.is_dir() and any(own.iterdir()):
        shutil.copytree(own, tree / own.relative_to("/"), dirs_exist_ok=True)
        subprocess.run(["chroot", tree, "update-ca-certificates"], check=True, stdout=subprocess.DEVNULL)
        (tree / "etc/pip.conf").write_text("[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n")
    dump = subprocess.run(["apt-config", "dump", "--no-empty", "Acquire"], check=True, capture_output=True, text=True)
    kept = [line for line in dump.stdout.splitlines() if line.startswith(("Acquire::http", "Acquire::Check"))]
    (tree / "etc/apt/apt.conf.d/50machine").write_text("\n".join([*kept, ""]))


def run(buildah: Buildah, services: dict[str, Any], storage: Path) -> None:
    """Start every service in the order of its dependencies, take an image down, and stop them."""
    loopback_up()
    place = storage / "stack"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    subprocess.run([ROOT / "deploy/container/secrets", place / "secrets"], check=True)
    (place / "hosts").write_text("127.0.0.1 localhost " + " ".join(services) + "\n")
    stack = Stack(buildah, services, place)
    try:
        for name in services:
            stack.start(name)
        take_down(stack)
        for name in reversed(services):
            stack.stop(name)
    finally:
        stack.end()
    say("OK: the stack of compose.yaml took an image down")


def loopback_up() -> None:
    """Switch the loopback of a new network namespace on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anything:
        request = struct.pack("16sh14x", b"lo", 1 | 64)  # IFF_UP, IFF_RUNNING
        fcntl.ioctl(anything, 0x8914, request)  # SIOCSIFFLAGS


class Stack:
    """The services of the compose file, each in a container of its own."""

    def __init__(self, buildah: Buildah, services: dict[str, Any], place: Path) -> None:
        self._buildah = buildah
        self._services = services
        self._place = place
        self._containers: dict[str, str] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def words(self, name: str, command: list[str]) -> list[str]:
        """Return the command line that runs a command in the container of a service, as the service itself runs."""
        service = self._services[name]
        if name not in self._containers:
            self._containers[name] = self._buildah.call(
                "from", "--pull-never", *LIMITS, f"localhost/{service['image']}"
            )
        options = ["--isolation", "chroot", "--user", service["user"], "--hostname", service.get("hostname", name)]
        for variable, value in service.get("environment", {}).items():
            options += ["--env", f"{variable}={value}"]
        mounts = {self._place / "hosts": "/etc/hosts:ro"}
        mounts |= {self._place / "secrets" / each: f"/run/secrets/{each}:ro" for each in service.get("secrets", [])}
        for volume in service.get("volumes", []):
            source, _, target = volume.partition(":")
            directory = self._place / "volumes" / source
            if not directory.exists():
                directory.mkdir(parents=True)
                os.chown(directory, *map(int, service["user"].split(":")))
            mounts[directory] = target
        for source, target in mounts.items():
            options += ["--volume", f"{source}:{target}"]
        return self._buildah.command("run", *options, self._containers[name], "--", *command)

    def start(self, name: str) -> None:
        """Start a service once the services that it depends on are as it demands."""
        for other, demand in self._services[name].get("depends_on", {}).items():
            self._await(other, demand["condition"])
        say(f"starting {name}")
        command = [word.replace("$$", "$") for word in self._services[name]["command"]]
        with (self._place / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                self.words(name, command), stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def _await(self, name: str, condition: str) -> None:
        process = self._processes[name]
        if condition == "service_completed_successfully":
            wait_until(lambda: process.poll() is not None, f"{name} to complete")
            if process.returncode:
                sys.exit(f"check: {name} failed:\n{self.log(name)}")
        elif condition == "service_healthy":
            _, test = self._services[name]["healthcheck"]["test"]
            wait_until(lambda: self._is_healthy(name, test), f"{name} to be healthy", lambda: self.log(name))

    def _is_healthy(self, name: str, test: str) -> bool:
        if self._processes[name].poll() is not None:
            sys.exit(f"check: {name} has ended:\n{self.log(name)}")
        return self.call(name, ["sh", "-c", test.replace("$$", "$")], check=False)[0] == 0

    def call(self, name: str, command: list[str], *, check: bool = True) -> tuple[int, str]:
        """Run a command in the container of a service; return its exit code and output."""
        done = subprocess.run(
            self.words(name, command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if check and done.returncode:
            sys.exit(f"check: {' '.join(command)} in {name}: {done.returncode}\n{done.stdout}\n{self.logs()}")
        return done.returncode, done.stdout

    def log(self, name: str) -> str:
        """Return the last lines of a service's log."""
        lines = (self._place / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join(f"  {name}: {line}" for line in lines[-15:])

    def logs(self) -> str:
        """Return the last lines of every log."""
        return "\n".join(self.log(name) for name in self._processes)

    def stop(self, name: str) -> None:
        """Stop a service as an engine does: SIGTERM to its first process, within its grace period."""
        process = self._processes[name]
        if process.poll() is not None:
            return
        grace = float(self._services[name].get("stop_grace_period", "10s").removesuffix("s"))
        began = time.monotonic()
        for each in first_processes(process.pid):
            os.kill(each, signal.SIGTERM)
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            sys.exit(f"check: {name} did not end within {grace:g} s\n{self.log(name)}")
        if process.returncode:
            sys.exit(f"check: {name} ended with {process.returncode}\n{self.log(name)}")
        say(f"{name} ended within {time.monotonic() - began:.1f} s of {grace:g}")

    def end(self) -> None:
        """End what still runs, and remove the containers."""
        for process in self._processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        for container in self._containers.values():
            subprocess.run(self._buildah.command("rm", container), check=False, stdout=subprocess.DEVNULL)


def first_processes(pid: int) -> list[int]:
    """Find the processes of a container: the first ones below buildah that run another program."""
    found = []
    for child in children(pid):
        # buildah's own helpers run from memory, as memfd:buildah-chroot-exec.
        name = Path(f"/proc/{child}/exe").readlink().name
        found += first_processes(child) if name.startswith(("buildah", "memfd:buildah")) else [child]
    return found


def children(pid: int) -> Iterator[int]:
    """Yield the children of a process, whichever of its threads has started them."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        yield from map(int, (task / "children").read_text().split())


def take_down(stack: Stack) -> None:
    """Import an image, see it cached, ban it, and see it gone."""
    picture = "import sys; from PIL import Image; Image.new('RGB', (640, 480), 'teal').save('/images/in/first.png')"
    stack.call("origin", ["mkdir", "-p", "/images/in"])
    stack.call("origin", ["/opt/edge-takedown/bin/python", "-c", picture])
    stack.call("origin", ["origin", "import", "/images/in", "--owner", "anna"])
    wait_until(lambda: answer()[0] == 200, "the image at the edge", stack.logs)
    wait_until(lambda: "; hit" in answer()[1], "a hit", stack.logs)
    say("the edge answers 200, from its cache")
    wait_until(lambda: stack.call("purger", ["purger", "status"], check=False)[0] == 0, "status OK", stack.logs)
    say(stack.call("purger", ["purger", "status"])[1])
    say(stack.call("purger", ["purger", "ban", "first", "--reason", "check", "--wait", "10"])[1])
    if (status := answer()[0]) != 410:
        sys.exit(f"check: the banned image is {status}\n{stack.logs()}")
    say("the edge answers 410")
    wait_until(lambda: stack.call("purger", ["purger", "receipts", "first"], check=False)[0] == 0, "the proof")
    say(stack.call("purger", ["purger", "receipts", "first"])[1])
    stack.call("purger", ["purger", "lift", "first"])
    wait_until(lambda: answer()[0] == 200, "the image again", stack.logs)
    say("the edge answers 200 again, once the ban is lifted")


def answer() -> tuple[int, str]:
    """Request the image from the edge: the status, and Cache-Status."""
    try:
        with urllib.request.urlopen("http://127.0.0.1:8080/images/first", timeout=5) as response:
            return response.status, response.headers.get("Cache-Status", "")
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Cache-Status", "")
    except OSError:
        return 0, ""


def wait_until(holds: Callable[[], bool], what: str, failed: Callable[[], str] = str) -> None:
    """Wait until a condition holds, PATIENCE at most."""
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            sys.exit(f"check: waited {PATIENCE:g} s in vain for {what}\n{failed()}")
        time.sleep(0.5)


def say(line: str) -> None:
    """Print a line of progress."""
    print(f"check: {line}", flush=True)


if __name__ == "__main__":
    main()
