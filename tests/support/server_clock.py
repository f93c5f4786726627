"""Step the wall clock of single servers while they run.

A library in C, preloaded into the server, asks the kernel for the time and adds the offset that a file holds.
(libfaketime does not do: varnishd hangs with it before it is up.) The compiler is there: varnishd needs it for each
VCL.
Tests in Python use ``ServerClock``; a shell runs ``python -m tests.support.server_clock FILE SECONDS``.
"""

import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack.server import Server

_SOURCE = Path(__file__).with_suffix(".c")


class ServerClock:
    """A wall clock, right until it is stepped. It outlasts a restart of the servers that go by it."""

    def __init__(self, directory: Path) -> None:
        """Make the clock's file, and the library that reads it, in a directory of its own."""
        directory.mkdir(parents=True, exist_ok=True)
        self.file = directory / "clock"
        self._library = directory / "clock.so"
        _write(self.file, 0.0)
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self._library, _SOURCE, "-ldl"], check=True)

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which a program goes by this clock."""
        return {"LD_PRELOAD": str(self._library), "CLOCK_FILE": str(self.file)}

    def govern(self, server: Server) -> None:
        """Let a server go by this clock from its next start on."""
        words = [f"{name}={value}" for name, value in self.environment.items()]
        server.command_parts = ["env", *words, *server.command_parts]

    def set(self, seconds: float) -> None:
        """Put the clock so many seconds before the true time, or behind it."""
        _write(self.file, seconds)

    @contextmanager
    def stepped(self, seconds: float) -> Iterator[None]:
        """Put the clock so many seconds before the true time, or behind it, and right again at the end."""
        self.set(seconds)
        try:
            yield
        finally:
            self.set(0.0)


def _write(file: Path, seconds: float) -> None:
    # Never shortened: servers have it mapped.
    file.touch()
    with file.open("r+b") as opened:
        opened.write(struct.pack("=q", round(seconds * 1e9)))


if __name__ == "__main__":
    _write(Path(sys.argv[1]), float(sys.argv[2]))
