"""The poller: finds and numbers new rows for all edges, and verifies what a heartbeat claims."""

import logging
import threading
import time
from collections.abc import Callable

from purger.backlog import Backlog
from purger.errors import DatabaseUnavailableError
from purger.model import Triggers, Verification
from purger.problem import Problem
from purger.queue import PrunedError, Queue

log = logging.getLogger(__name__)

#: Seconds between two verifications at least. Each serves every edge that asked before it began.
_VERIFICATIONS_APART = 0.05

#: Seconds between polls while the database cannot be used.
_WHEN_AWAY = 0.25

#: Seconds of rest that a slow poll may ask for at most.
_LONGEST_REST = 0.2

#: Batches read into memory at once. More have come when another purger numbered them while this one was cut off: then
#: each edge reads what it needs.
_BATCHES_READ = 8


def rest(interval: float, cost: float) -> float:
    """Seconds to wait after a poll that took ``cost``: as long again, so that polls never take more than half the time.

    The cost is measured by a clock that goes on while the process is frozen, so it is believed up to a bound only.
    """
    return max(interval, min(cost, _LONGEST_REST))


class Watch(threading.Thread):
    """Looks at the outbox for ever. What it found is in ``head``, ``pruned`` and ``verification``."""

    def __init__(self, queue: Queue, backlog: Backlog, *, interval: float, stop: threading.Event) -> None:
        """``interval`` is the wait between two polls in seconds; a slower poll is followed by a longer one."""
        super().__init__(name="watch")
        self._queue = queue
        self._backlog = backlog
        self._interval = interval
        self._halt = stop
        self._tell: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._ticket = 0
        self._verified_at = 0.0
        self._problem = Problem(log, "the database")
        self.usable = True
        self._missing: tuple[str, ...] = ()
        self.setbacks = 0  # counted before the head shows it
        self.head: int | None = None
        self.pruned = 0
        self.verification: Verification | None = None

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called, in the poller's thread, whenever something new was found."""
        with self._lock:
            self._tell = [*self._tell, wake]

    def unsubscribe(self, wake: Callable[[], None]) -> None:
        """Undo ``subscribe``."""
        with self._lock:
            self._tell = [known for known in self._tell if known != wake]

    def request(self) -> int:
        """Ask for a verification that begins after now; it will bear this ticket or a later one."""
        with self._lock:
            self._ticket += 1
            return self._ticket

    def run(self) -> None:
        """Poll until stopped. The database being away is logged once, and polled for at a slower pace."""
        while not self._halt.is_set():
            began = time.monotonic()
            try:
                self._look()
            except DatabaseUnavailableError as error:
                self.usable = False
                self._problem.begin("unusable", str(error))
                self._halt.wait(max(_WHEN_AWAY, self._interval))
                continue
            except Exception:
                if self._problem.begin("not understood", "this is a bug; no edge gets a heartbeat"):
                    log.exception("while polling")
                self._halt.wait(max(_WHEN_AWAY, self._interval))
                continue
            self._problem.end()
            self.usable = True
            self._halt.wait(rest(self._interval, time.monotonic() - began))

    def _look(self) -> None:
        with self._lock:
            ticket = self._ticket
        wanted = self.verification is None or self.verification.ticket < ticket
        verify = wanted and time.monotonic() - self._verified_at >= _VERIFICATIONS_APART
        head = self._number_all()
        if verify and head is not None:
            triggers = self._queue.triggers()
            self._report(triggers)
            self.verification = Verification(ticket, head, triggers)
            self._verified_at = time.monotonic()
            self._notify()

    def _number_all(self) -> int | None:
        """Number until all has a number that was committed before; the head then, or None when stopped before.

        It does not go on until nothing is pending: in a steady stream of changes that moment never comes.
        """
        while not self._halt.is_set():
            poll = self._queue.poll()
            self.pruned = poll.pruned
            self._notice_setback(poll.head)
            head, all_numbered = self._queue.number() if poll.pending else (poll.head, True)
            self._advance(head)
            if all_numbered:
                return head
        return None

    def _notice_setback(self, head: int) -> None:
        """Look at the head before anything is numbered: numbering may bring it to where it was, with other rows."""
        if self.head is not None and head < self.head:
            log.error("the database has gone back from batch %d to %d: every edge will be flushed", self.head, head)
            self._backlog.forget()
            self.setbacks += 1
            self.head = head

    def _advance(self, head: int) -> None:
        if head == self.head:
            return
        if self.head is not None and head - self.head <= _BATCHES_READ:
            try:
                self._backlog.add(self.head, head, self._queue.rows(self.head, head))
            except PrunedError:
                self._backlog.forget()
        self.head = head
        self._notify()

    def _report(self, triggers: Triggers) -> None:
        if triggers.missing == self._missing:
            return
        self._missing = triggers.missing
        if triggers.missing:
            log.error(
                "missing triggers: %s. Changes leave no trace without them: no edge gets a heartbeat. "
                "Run `purger migrate` to restore them",
                ", ".join(triggers.missing),
            )
        else:
            log.info("all triggers stand again; edges are flushed, since changes may have left no trace")

    def _notify(self) -> None:
        for wake in self._tell:
            wake()
