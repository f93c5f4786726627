"""Queues the signals of a process, for its main thread to wait for."""

import signal
from collections.abc import Iterable
from queue import Empty, SimpleQueue

#: The signals that end a service.
STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})


class SignalQueue:
    """A queue of received signals. The handler only puts a signal into it, and so interrupts no half-done work.

    Not signal.sigtimedwait: interrupted by SIGCONT past its time-out, it returns whatever was in memory, so that a
    process that had been frozen could take that for SIGTERM. A SimpleQueue may be filled by a handler that interrupts
    its own reader; an Event could deadlock there.
    """

    def __init__(self, numbers: Iterable[signal.Signals], *, default_after_first: bool = False) -> None:
        """Handle these signals from now on, and unblock them.

        ``default_after_first`` restores their default action after the first: a second one ends the process at once.
        """
        self._queue: SimpleQueue[int] = SimpleQueue()
        self._numbers = frozenset(numbers)
        self._default_after_first = default_after_first
        for number in self._numbers:
            signal.signal(number, self._put)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self._numbers)

    def wait(self, seconds: float) -> int | None:
        """Wait for the next signal, at most ``seconds``; None where none came."""
        try:
            return self._queue.get(timeout=max(0.0, seconds))
        except Empty:
            return None

    def _put(self, number: int, _frame: object) -> None:
        self._queue.put(number)
        if self._default_after_first:
            for each in self._numbers:
                signal.signal(each, signal.SIG_DFL)
