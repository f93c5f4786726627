"""Run the project's own commands by a fork of a process that has imported them already.

A command of ``purger`` or ``origin`` takes 0.2 s of processor time to import what it needs, and some milliseconds for
what it does. Tests run about a thousand. Each still is a process of its own, with its own arguments, environment,
standard streams, session and exit code; only the imports are shared. ``run_apart`` in `commands.py` chooses this way
where ``STACK_FORK_COMMANDS`` is set. One server process belongs to each process that calls ``run_forked``, and ends
with it.

As a program (``python -m stack.forked``) this is that server: it reads requests from the socket on descriptor 0.
"""

import json
import os
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
from typing import NoReturn

#: Most bytes of one request: its arguments and environment as JSON.
_LONGEST = 1 << 20

#: The function of each command that is run this way.
_MAINS = {"origin": "origin.cli.main", "purger": "purger.cli.main"}

#: Variables that act when Python starts, or as a library is loaded: a fork has done both already.
_EARLY = ("LD_", "LC_", "LANG", "PYTHON", "TZ")


def can_fork(command_line: Sequence[str], environment: Mapping[str, str] | None) -> bool:
    """Tell whether a fork behaves as a process that is started anew: the same command, nothing that acts at a start."""
    given = os.environ if environment is None else environment
    early = {name: value for name, value in given.items() if name.startswith(_EARLY)}
    return Path(command_line[0]).name in _MAINS and all(os.environ.get(name) == early[name] for name in early)


def run_forked(
    command_line: Sequence[str], environment: Mapping[str, str] | None, text: str | None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with ``text`` on its standard input. Raises ``EOFError`` when the server has ended."""
    request = {"arguments": list(command_line), "environment": dict(os.environ if environment is None else environment)}
    request["directory"] = str(Path.cwd())
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write((text or "").encode())
        given.seek(0)
        try:
            _server().send(json.dumps(request).encode(), [given.fileno(), out.fileno(), err.fileno(), writing])
        finally:
            os.close(writing)
        with os.fdopen(reading, "rb") as status:
            ended = status.read()
        if not ended:
            raise EOFError(f"the server of forked commands has ended before {command_line}")
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(command_line, int(ended), out.read().decode(), err.read().decode())


class _ForkServer:
    """The server process of this process, and its socket; for any thread."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "stack.forked"], stdin=theirs.fileno(), cwd=Path(__file__).parent.parent
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


def _run_and_report(request: bytes, descriptors: list[int]) -> NoReturn:
    """Run the command in a child, and write its exit code (minus the number of a signal) to the last descriptor."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    status = descriptors.pop()
    os.setsid()
    pid = os.fork()
    if pid == 0:
        os.close(status)
        _become(request, descriptors)
    with suppress(ChildProcessError):
        _, ended = os.waitpid(pid, 0)
        os.write(status, str(os.waitstatus_to_exitcode(ended)).encode())
    os._exit(0)


def _become(request: bytes, descriptors: list[int]) -> NoReturn:
    """Take over streams, directory, environment and arguments, and call the command's function."""
    given = json.loads(request)
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
