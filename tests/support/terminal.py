"""Run a command whose output, or messages, go to a terminal."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class TerminalRun(NamedTuple):
    """The end of a command: its exit code, the text that the terminal got, and the piped one of the other stream."""

    returncode: int
    shown: str
    piped: str


def run_on_terminal(
    arguments: Sequence[str], environment: Mapping[str, str], *, stream: str, columns: int = 80
) -> TerminalRun:
    """Run a command with its ``stream``, stdout or stderr, on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, stream: theirs}
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        process = subprocess.Popen(arguments, env=environment, text=True, **streams)
        os.close(theirs)
        shown = b""
        try:
            while part := terminal.read(65536):
                shown += part
        except OSError:
            pass  # a terminal ends so after its last line
        piped, _ = process.communicate()
    return TerminalRun(process.returncode, shown.decode(), piped or "")
