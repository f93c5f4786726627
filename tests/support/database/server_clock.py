"""Step the wall clock of single servers while they run.

A library in C, preloaded into the server, asks the kernel for the time and adds the offset that a file holds.
(libfaketime does not do: varnishd hangs with it before it is up.) The compiler is there: varnishd needs it for each
VCL.
Tests in Python use ``ServerClock``; a shell runs ``python -m tests.support.database.server_clock FILE SECONDS``.
"""

import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack.processes.server import Server

_SOURCE = Path(__file__).with_suffix(".c")


class ServerClock:
    """A wall clock for one or more servers, right until it is stepped. Its offset outlasts a restart of a server."""

    def __init__(self, directory: Path) -> None:
        """Write the clock's file, and compile the library that reads it, into ``directory``."""
        directory.mkdir(parents=True, exist_ok=True)
        self.file = directory / "clock"
        self._library = directory / "clock.so"
        _write(self.file, 0.0)
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self._library, _SOURCE, "-ldl"], check=True)

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables that make a program use this clock."""
        return {"LD_PRELOAD": str(self._library), "CLOCK_FILE": str(self.file)}

    def govern(self, server: Server) -> None:
        """Make a server use this clock from its next start on."""
        words = [f"{name}={value}" for name, value in self.environment.items()]
        server.command_parts = ["env", *words, *server.command_parts]

    def set(self, seconds: float) -> None:
        """Set the clock so many seconds ahead of the true time (negative: behind it)."""
        _write(self.file, seconds)

    @contextmanager
    def stepped(self, seconds: float) -> Iterator[None]:
        """Set the clock so many seconds ahead of the true time (negative: behind it), and right again at the end."""
        self.set(seconds)
        try:
            yield
        finally:
            self.set(0.0)


def _write(file: Path, seconds: float) -> None:
    # Never truncated: servers have the file mapped.
    file.touch()
    with file.open("r+b") as opened:
        opened.write(struct.pack("=q", round(seconds * 1e9)))


if __name__ == "__main__":
    _write(Path(sys.argv[1]), float(sys.argv[2]))
