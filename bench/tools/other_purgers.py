"""Runs `purger` with a change that a benchmark needs: ``python -m bench.tools.other_purgers KIND FILE run``.

``traced`` notes the times of a ban's steps in FILE: a line has the name of a step and the time of the monotonic clock,
which all processes of a machine share. It wraps public methods only, and costs a delivery some microseconds.
``unlogged`` appends nothing to the signed log.
"""

import functools
import sys
import time
from collections.abc import Awaitable, Callable
from io import FileIO
from pathlib import Path
from typing import Any

from stack.purger import Purger
from stack.system import Stack

#: Seconds between two rests of a log's writer that does nothing.
_REST = 3600.0


def stack_with(kind: str, directory: Path) -> tuple[Stack, Path]:
    """Make a stack whose purger is of this kind. Returns it with the file of its trace."""
    directory.mkdir(parents=True)
    trace = directory / "trace"
    trace.touch()
    stack = Stack(directory)
    program: list[str | Path] = [sys.executable, "-m", "bench.tools.other_purgers", kind, trace]
    options = {"PYTHONPATH": str(Path.cwd())}
    stack.purger = Purger(directory / "purger", stack.database, options=options, program=program)
    return stack, trace


class _Trace:
    """A file that takes lines of any thread: each is one write."""

    def __init__(self, path: str) -> None:
        self._file = FileIO(path, "a")

    def note(self, step: str) -> None:
        self._file.write(f"{step} {time.monotonic():.7f}\n".encode())

    def around(self, owner: type, method: str, begin: str, end: str) -> None:
        """Note the begin and the end of each call of a method. A call of the poller counts only if it has rows."""
        inner: Callable[..., Any] = getattr(owner, method)

        @functools.wraps(inner)
        def traced(*arguments: Any, **named: Any) -> Any:
            if begin:
                self.note(begin)
            result = inner(*arguments, **named)
            if end and not (end == "returned" and not result.rows):
                self.note(end)
            return result

        setattr(owner, method, traced)

    def after(self, owner: type, method: str, end: str) -> None:
        """Note the end of each call of a coroutine."""
        inner: Callable[..., Awaitable[Any]] = getattr(owner, method)

        @functools.wraps(inner)
        async def traced(*arguments: Any, **named: Any) -> Any:
            result = await inner(*arguments, **named)
            self.note(end)
            return result

        setattr(owner, method, traced)


def _change(kind: str, file: str) -> None:
    from purger.edge.link import EdgeLink
    from purger.outbox.batches import Batches
    from purger.outbox.outbox import Outbox
    from purger.signed_log.writer import LogWriter

    if kind == "unlogged":
        setattr(LogWriter, "work", lambda _writer: _REST)  # noqa: B010 (a method, for mypy)
        return
    trace = _Trace(file)
    trace.around(Outbox, "take", "", "returned")
    trace.around(Batches, "at_hand", "woken", "planned")
    trace.after(EdgeLink, "answer", "answered")


if __name__ == "__main__":
    from purger.cli.main import main

    _change(sys.argv.pop(1), sys.argv.pop(1))
    main()
