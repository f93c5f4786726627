"""An end to what would otherwise wait for good."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from stack.waiting import PATIENCE


@contextmanager
def deadline(seconds: float = PATIENCE) -> Iterator[None]:
    """Raise ``TimeoutError`` in the block after so many seconds, also out of a system call. For the main thread."""

    def ring(_number: int, _frame: object) -> None:
        raise TimeoutError(f"no end within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
