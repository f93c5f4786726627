"""Start and stop a server as a child process, with its log, and fail early when it does not start."""

import atexit
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self, cast

import psutil
from mirakuru import Executor
from mirakuru.base import cleanup_subprocesses
from mirakuru.exceptions import AlreadyRunning, ExecutorError, ProcessExitedWithError, ProcessFinishedWithError

from stack.processes.commands import FORK_COMMANDS
from stack.processes.forked import ForkedServer, can_fork
from stack.processes.ports import is_free
from stack.processes.waiting import PATIENCE, wait_until

# mirakuru's hook kills, as Python ends, each process of the machine whose variable mirakuru_uuid contains the digits
# of this process's pid: servers of other test runs, too. Servers end with their parent anyway (--pdeathsig).
atexit.unregister(cleanup_subprocesses)

#: Becomes the server, unless the process with the given id is no longer the parent.
_UNLESS_ORPHAN = '[ $PPID = "$0" ] && exec "$@"'

#: Vinyl Cache 9 says so while it stops, each second, until idle connections of clients and to backends have timed out,
#: a minute by default.
_WAITS_FOR_CONNECTIONS = "shutdown waiting for"


class ServerFailedError(Exception):
    """A server did not start, or ended by itself. The message names it and ends with the tail of its log."""


class PortTakenError(ServerFailedError):
    """A server did not start, since another process has its port."""


class Server(Executor):
    """A server in a directory of its own, with ``NAME.log`` in it. Subclasses know when it is ready.

    Start servers from the main thread: the kernel ends a child when the thread that started it ends. Our own programs
    are forked where ``STACK_FORK_COMMANDS`` is set.
    """

    #: The signal that the kernel sends to the server when its parent ends, as setpriv names it.
    signal_of_orphans = "TERM"

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
        self._arguments = [*map(str, command)]
        super().__init__(
            # The kernel ends the server with its parent, so that no port is taken at the next run. It does not if the
            # parent ended before setpriv asked for that, so a shell looks whether it has.
            [
                *("setpriv", "--pdeathsig", self.signal_of_orphans, "--"),
                *("sh", "-c", _UNLESS_ORPHAN, str(os.getpid()), *self._arguments),
            ],
            cwd=str(directory),
            timeout=PATIENCE,
            sleep=0.02,
            envvars=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log_handle,
            stderr=subprocess.STDOUT,
        )

    def pre_start_check(self) -> bool:
        """Tell whether another process has one of the ports."""
        return self.process is None and not all(map(is_free, self.ports))

    def after_start_check(self) -> bool:
        """Tell whether the server accepts connections on all its ports."""
        if not self.running():
            raise ProcessExitedWithError(self, 0)
        return all(map(_accepts, self.ports))

    def start(self) -> Self:
        """Start and wait until ready. Raises ``ServerFailedError`` with the reason and the tail of the log."""
        self._log_start = self.log.stat().st_size
        try:
            if os.environ.get(FORK_COMMANDS) and can_fork(self._arguments, self.envvars) and not self.pre_start_check():
                forked = ForkedServer(self._arguments, self.envvars, self.directory, self._log_handle)
                self.process = cast(subprocess.Popen[str], forked)
            return super().start()
        except AlreadyRunning:
            taken = ", ".join(str(port) for port in self.ports if not is_free(port))
            raise PortTakenError(f"{self.name}: port {taken} of 127.0.0.1 is already taken") from None
        except (ExecutorError, OSError) as error:
            raise ServerFailedError(f"{self.name} did not start: {error}\n{self.log_tail()}") from None

    def stop(self, stop_signal: int | None = None, expected_returncode: int | None = None) -> Self:
        """Send SIGTERM and wait for the end. Raises ``ServerFailedError`` when the exit code says that it failed."""
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
        """Send SIGSTOP to the server and its children, and wait until each of their threads has stopped."""
        self._signal(signal.SIGSTOP)
        wait_until(lambda: all(map(_is_still, self._processes())), f"{self.name} is still")

    def resume(self) -> None:
        """Send SIGCONT to the server and its children."""
        self._signal(signal.SIGCONT)

    def log_text(self) -> str:
        """Return what the server has logged since its latest start."""
        return self.log.read_bytes()[self._log_start :].decode(errors="replace")

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines of the log, with a heading that names the file."""
        return "\n".join([f"--- the end of {self.log}:", *self.log_text().splitlines()[-lines:]])

    def _released(self) -> Self:
        # varnishd's child, which holds the listeners, ends after its parent: a start in between finds the ports taken.
        with suppress(TimeoutError):
            wait_until(lambda: all(map(is_free, self.ports)), f"the ports of {self.name} are free")
        return self

    def _signal(self, number: int) -> None:
        for pid in self._processes():
            os.kill(pid, number)

    def _processes(self) -> list[int]:
        assert self.process is not None
        parent = psutil.Process(self.process.pid)
        return [process.pid for process in [*parent.children(recursive=True), parent]]


class ManagedServer(Server):
    """A server whose first process ends its children itself, and takes a lone end for a failure: varnishd."""

    def stop(self, stop_signal: int | None = None, expected_returncode: int | None = None) -> Self:
        """Send SIGTERM only to the first process, and wait for its end. A server that goes on is stopped as others.

        One that waits for others to close their connections, as Vinyl Cache 9 does, is killed.
        """
        if self.process is not None:
            self.process.terminate()
            with suppress(TimeoutError):
                wait_until(lambda: self._waits() or not self.running(), f"the end of {self.name}")
            if self._waits() and self.running():
                return self.kill()
        return super().stop(stop_signal, expected_returncode)

    def _waits(self) -> bool:
        return _WAITS_FOR_CONNECTIONS in self.log_text()


@contextmanager
def frozen(server: Server) -> Iterator[None]:
    """Freeze a server (SIGSTOP) inside the block, in the middle of whatever it was doing."""
    server.pause()
    try:
        yield
    finally:
        server.resume()


@contextmanager
def away(server: Server) -> Iterator[None]:
    """Kill a server (SIGKILL), and start it again at the end of the block."""
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


def _is_still(pid: int) -> bool:
    """Tell whether each thread of a process has stopped: after SIGSTOP one may go on for a while on a busy machine."""
    states = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):  # it has ended
            states.append((thread / "stat").read_text().rpartition(")")[2].split()[0])
    return all(state in "TtZX" for state in states)
