"""A child process that fails early, with its log."""

import atexit
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import psutil
from mirakuru import Executor
from mirakuru.base import cleanup_subprocesses
from mirakuru.exceptions import AlreadyRunning, ExecutorError, ProcessExitedWithError, ProcessFinishedWithError

from stack.ports import is_free
from stack.waiting import PATIENCE, wait_until

# At the end of a Python process it kills every process of the machine in whose mark the digits of this one's pid occur:
# those of other test runs, too. Ours end with their parent anyway (--pdeathsig).
atexit.unregister(cleanup_subprocesses)


class ServerFailedError(Exception):
    """A server did not start, or ended by itself. The message names it and ends with the tail of its log."""


class PortTakenError(ServerFailedError):
    """A server did not start, since another process has its port."""


class Server(Executor):
    """One server in a directory of its own, with ``NAME.log`` in it. Subclasses say when it is ready.

    Start servers from the main thread: the kernel ends a child when the thread that started it ends.
    """

    def __init__(
        self,
        name: str,
        directory: Path,
        command: Sequence[str | Path],
        *,
        ports: Sequence[int] = (),
        environment: dict[str, str] | None = None,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.directory = directory
        self.ports = tuple(ports)
        self.log = directory / f"{name}.log"
        self._log_handle = self.log.open("ab")
        self._log_start = 0
        super().__init__(
            # Whatever ends the parent, its servers end too: nothing keeps a port from the next run.
            ["setpriv", "--pdeathsig", "TERM", "--", *map(str, command)],
            cwd=str(directory),
            timeout=PATIENCE,
            sleep=0.02,
            envvars=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log_handle,
            stderr=subprocess.STDOUT,
        )

    def pre_start_check(self) -> bool:
        """Whether somebody else has one of the ports."""
        return not all(map(is_free, self.ports))

    def after_start_check(self) -> bool:
        """Whether the server is ready: it accepts connections on all its ports."""
        if not self.running():
            raise ProcessExitedWithError(self, 0)
        return all(map(_accepts, self.ports))

    def start(self) -> Self:
        """Start and wait until ready. Raises ``ServerFailedError`` with the reason and the tail of the log."""
        self._log_start = self.log.stat().st_size
        try:
            return super().start()
        except AlreadyRunning:
            taken = ", ".join(str(port) for port in self.ports if not is_free(port))
            raise PortTakenError(f"{self.name}: port {taken} of 127.0.0.1 is already taken") from None
        except (ExecutorError, OSError) as error:
            raise ServerFailedError(f"{self.name} did not start: {error}\n{self.log_tail()}") from None

    def stop(self, stop_signal: int | None = None, expected_returncode: int | None = None) -> Self:
        """End the server in an orderly way. Raises ``ServerFailedError`` when its exit code says that it failed."""
        try:
            super().stop(stop_signal, expected_returncode)
        except ProcessFinishedWithError as error:
            raise ServerFailedError(f"{self.name} failed while it stopped: {error}\n{self.log_tail()}") from None
        return self._released()

    def kill(self, wait: bool = True, sig: int | None = None) -> Self:
        """Kill the server and its children (SIGKILL), and wait until its ports are free for the next start."""
        super().kill(wait, sig)
        return self._released() if wait else self

    def check(self) -> None:
        """Raise ``ServerFailedError`` when the server has ended by itself."""
        if not self.running():
            raise ServerFailedError(f"{self.name} ended by itself\n{self.log_tail()}")

    def pause(self) -> None:
        """Freeze the server and its children (SIGSTOP), and wait until each of their threads stands still."""
        self._signal(signal.SIGSTOP)
        wait_until(lambda: all(map(_stands_still, self._processes())), f"{self.name} stands still")

    def resume(self) -> None:
        """Let a frozen server go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def log_text(self) -> str:
        """What the server has logged since its latest start."""
        return self.log.read_bytes()[self._log_start :].decode(errors="replace")

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of the log, with a heading that names the file."""
        return "\n".join([f"--- the end of {self.log}:", *self.log_text().splitlines()[-lines:]])

    def _released(self) -> Self:
        # A child such as varnishd's, which holds the listeners, ends after its parent: a start at once met its ports.
        with suppress(TimeoutError):
            wait_until(lambda: all(map(is_free, self.ports)), f"{self.name} gives its ports back")
        return self

    def _signal(self, number: int) -> None:
        for pid in self._processes():
            os.kill(pid, number)

    def _processes(self) -> list[int]:
        assert self.process is not None
        parent = psutil.Process(self.process.pid)
        return [process.pid for process in [*parent.children(recursive=True), parent]]


@contextmanager
def frozen(server: Server) -> Iterator[None]:
    """The server stands still (SIGSTOP), with whatever it holds in its hands."""
    server.pause()
    try:
        yield
    finally:
        server.resume()


@contextmanager
def away(server: Server) -> Iterator[None]:
    """The server is killed without a warning (SIGKILL), and started again at the end."""
    server.kill()
    try:
        yield
    finally:
        server.start()


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _stands_still(pid: int) -> bool:
    """Tell whether a signal has stopped each thread of a process: on a busy machine one goes on for a while."""
    states = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):  # it has ended
            states.append((thread / "stat").read_text().rpartition(")")[2].split()[0])
    return all(state in "TtZX" for state in states)
