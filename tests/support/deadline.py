"""Interrupt a block of the main thread that would wait forever."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from stack.processes.waiting import PATIENCE


@contextmanager
def deadline(seconds: float = PATIENCE) -> Iterator[None]:
    """Raise ``TimeoutError`` in the block after so many seconds, also out of a system call. Main thread only."""

    def ring(_number: int, _frame: object) -> None:
        raise TimeoutError(f"no end within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
