"""Run the project's own commands by a fork of a process that has imported them already.

A command of ``purger`` or ``origin`` takes 0.2 s of processor time to import what it needs, and some milliseconds for
what it does. Tests run some thousand, and start several hundred servers. Each still is a process of its own, with its
own arguments, environment, standard streams, session and exit code; only the imports are shared. ``run_apart`` in
`commands.py` and ``Server`` in `server.py` choose this way where ``STACK_FORK_COMMANDS`` is set. One server process
belongs to each process that calls ``run_forked`` or starts a `ForkedServer`, and ends with it.

For each command the server forks a reporter, which forks the command. The reporter writes two lines to a pipe: the
command's process, and its exit code.

As a program (``python -m stack.processes.forked``) this is that server: it reads requests from descriptor 0, a socket.
"""

import ctypes
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import IO, Any, NoReturn

from mysql.connector.utils import get_platform

#: Most bytes of one request: its arguments and environment as JSON.
_LONGEST = 1 << 20

#: The function of each command that is run this way.
_MAINS = {"origin": "origin.cli.main", "purger": "purger.cli.main"}

#: Variables that act when Python starts, or as a library is loaded: a fork has done both already.
_EARLY = ("LD_", "LC_", "LANG", "PYTHON", "TZ")

#: The option of prctl(2) that has the kernel send a signal when the parent ends.
_PR_SET_PDEATHSIG = 1


def can_fork(command_line: Sequence[str], environment: Mapping[str, str] | None) -> bool:
    """Tell whether a fork behaves as a process that is started anew: the same command, nothing that acts at a start."""
    given = os.environ if environment is None else environment
    early = {name: value for name, value in given.items() if name.startswith(_EARLY)}
    return Path(command_line[0]).name in _MAINS and all(os.environ.get(name) == early[name] for name in early)


def run_forked(
    command_line: Sequence[str], environment: Mapping[str, str] | None, text: str | None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with ``text`` on its standard input. Raises ``EOFError`` when the server has ended."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write((text or "").encode())
        given.seek(0)
        environment = os.environ if environment is None else environment
        with _fork(command_line, environment, Path.cwd(), (given, out, err)) as report:
            lines = report.read().split()
        if len(lines) < 2:
            raise EOFError(f"the server of forked commands has ended before {command_line}")
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(command_line, int(lines[1]), out.read().decode(), err.read().decode())


class ForkedServer:
    """A command that runs until it is stopped, with the methods of ``subprocess.Popen`` that ``Server`` needs.

    The kernel sends it SIGTERM when its reporter ends, which ends with the server of forked commands.
    """

    def __init__(
        self, command_line: Sequence[str], environment: Mapping[str, str], directory: Path, log: IO[bytes]
    ) -> None:
        """Start it. Raises ``EOFError`` when the server of forked commands has ended."""
        self.args = command_line
        self.returncode: int | None = None
        with Path(os.devnull).open("rb") as nothing:
            self._report = _fork(command_line, environment, directory, (nothing, log, log), dies_with_parent=True)
        started = self._report.readline()
        if not started:
            raise EOFError(f"the server of forked commands has ended before {command_line}")
        self.pid = int(started)

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the exit code. Raises ``subprocess.TimeoutExpired``."""
        if self.returncode is None:
            if not select.select([self._report], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = int(self._report.read() or -signal.SIGKILL)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send it SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send it SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def __exit__(self, *_: object) -> None:
        self.wait()
        self._report.close()


def _fork(
    command_line: Sequence[str],
    environment: Mapping[str, str],
    directory: Path,
    streams: Sequence[IO[bytes]],
    *,
    dies_with_parent: bool = False,
) -> IO[bytes]:
    """Have the server fork a command. Returns the end of the pipe with the reporter's lines."""
    request = {
        "arguments": list(command_line),
        "environment": dict(environment),
        "directory": str(directory),
        "dies_with_parent": dies_with_parent,
    }
    reading, writing = os.pipe()
    try:
        _server().send(json.dumps(request).encode(), [*(stream.fileno() for stream in streams), writing])
    finally:
        os.close(writing)
    return os.fdopen(reading, "rb")


class _ForkServer:
    """The server process of this process, and its socket; for any thread."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "stack.processes.forked"],
                stdin=theirs.fileno(),
                cwd=Path(__file__).parents[2],
                start_new_session=True,  # Ctrl-C reaches only our caller, which stops its servers
            )

    def send(self, request: bytes, descriptors: list[int]) -> None:
        """Send a request with the descriptors of its streams and of the pipe for its exit code."""
        with self._lock:
            socket.send_fds(self._socket, [request], descriptors)


@cache
def _server() -> _ForkServer:
    return _ForkServer()


def _serve() -> None:
    """Fork for each request, until the socket's other end is closed."""
    _import_all()
    gc.freeze()  # a collection in a child would copy each page that it shares
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children need no wait here: each has a parent of its own
    requests = socket.socket(fileno=os.dup(0))
    while True:
        request, descriptors, _, _ = socket.recv_fds(requests, _LONGEST, 4)
        if not request:
            return
        if os.fork() == 0:
            requests.close()
            _run_and_report(request, descriptors)
        for each in descriptors:
            os.close(each)


def _import_all() -> None:
    """Import all commands, and the libraries that they import only when they run."""
    for name in _MAINS.values():
        package = import_module(name.rpartition(".")[0])
        for module in iter_modules(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    for name in ("PIL.Image", "rich.progress", "rich.table"):
        import_module(name)
    get_platform()  # the driver runs lsb_release for it, once a process


def _run_and_report(request: bytes, descriptors: list[int]) -> NoReturn:
    """Run the command in a child. Write its process and exit code (minus a signal's number) to the last descriptor."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    status = descriptors.pop()
    given = json.loads(request)
    if given["dies_with_parent"]:
        _end_with_parent(signal.SIGKILL)
    os.setsid()
    pid = os.fork()
    if pid == 0:
        os.close(status)
        _become(given, descriptors)
    for each in descriptors:
        os.close(each)
    os.write(status, f"{pid}\n".encode())
    with suppress(ChildProcessError):
        _, ended = os.waitpid(pid, 0)
        os.write(status, f"{os.waitstatus_to_exitcode(ended)}\n".encode())
    os._exit(0)


def _end_with_parent(number: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)


def _become(given: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Take over streams, directory, environment and arguments, and call the command's function."""
    if given["dies_with_parent"]:
        os.setsid()
        _end_with_parent(signal.SIGTERM)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(given["directory"])
    os.environ.clear()
    os.environ.update(given["environment"])
    sys.argv = given["arguments"]
    sys.modules["__main__"].__package__ = ""  # click calls the program by its path, and not by this module
    code = 0
    try:
        import_module(_MAINS[Path(sys.argv[0]).name]).main()
    except SystemExit as end:
        code = _exit_code(end)
    except BaseException:
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)


def _exit_code(end: SystemExit) -> int:
    if isinstance(end.code, str):
        sys.stderr.write(f"{end.code}\n")
        return 1
    return end.code or 0


if __name__ == "__main__":
    _serve()
