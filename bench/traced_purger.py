"""Run the command `purger` and note the times of a ban's steps: ``python -m bench.traced_purger FILE run``.

A line of the file has the name of a step and the time of the monotonic clock, which all processes of a machine share.
It wraps public methods alone, and costs a delivery some microseconds.
"""

import functools
import sys
import time
from collections.abc import Callable
from io import FileIO
from typing import Any

from purger.cli.main import main
from purger.edge.client import EdgeClient
from purger.outbox.batches import Batches
from purger.outbox.outbox import Outbox, Taken


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
            if end and not (isinstance(result, Taken) and not result.rows):
                self.note(end)
            return result

        setattr(owner, method, traced)


if __name__ == "__main__":
    trace = _Trace(sys.argv.pop(1))
    trace.around(Outbox, "take", "", "returned")
    trace.around(Batches, "plan", "woken", "planned")
    trace.around(EdgeClient, "send", "", "answered")
    main()
