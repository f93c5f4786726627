"""Signals as a queue that the main thread waits for."""

import signal
from collections.abc import Iterable
from queue import Empty, SimpleQueue

STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})


class Received:
    """The signals that came. The handler only puts a signal into the queue, and so interrupts nothing half done.

    Not signal.sigtimedwait: interrupted by SIGCONT past its time-out, it answers with whatever stood in memory, so that
    a process that had been frozen could take that for SIGTERM. A SimpleQueue may be filled by a handler that interrupts
    its own reader; an Event could deadlock there.
    """

    def __init__(self, numbers: Iterable[signal.Signals]):
        """Handle these signals from now on; those that were blocked are let through."""
        self._queue: SimpleQueue[int] = SimpleQueue()
        for number in numbers:
            signal.signal(number, lambda received, _frame: self._queue.put(received))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)

    def wait(self, seconds: float) -> int | None:
        """The next signal, or None when none came within these seconds."""
        try:
            return self._queue.get(timeout=max(0.0, seconds))
        except Empty:
            return None
