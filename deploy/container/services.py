"""Runs the services of compose.yaml in containers of buildah's, as an engine would, and stops them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deploy.container.images import LIMITS, Buildah
from deploy.container.progress import say, wait_until


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
