"""Verifies that every committed change has a batch number, so that a heartbeat may say so; see ``poller.py``.

The verifier numbers the rows that polls have left out, and checks that no trigger of the outbox is missing: a change
that was committed without its trigger has left no row.
"""

import logging
import threading
import time
from collections import deque
from functools import partial
from typing import NamedTuple

from purger.loop_thread import LoopThread
from purger.model import Verification
from purger.outbox.outbox import Outbox, Taken
from purger.outbox.poller import Poller
from purger.problem_log import ProblemLog
from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.schema.triggers import Triggers

log = logging.getLogger(__name__)

#: Shortest rest in seconds between two verifications. Each serves every edge that asked before it began.
_SHORTEST_REST = 0.05

#: Seconds of rest for each second of work: each row that is not committed costs half a microsecond of it.
_REST = 3.0

#: Longest rest in seconds, also when the work took so long because the process was frozen.
_LONGEST_REST = 0.5

#: Seconds between two verifications for which no edge asked: within them the rows are numbered that were committed so
#: long after their INSERT that polls leave them out. On an idle system one verification costs more than these polls.
_UNASKED = 0.2

#: Times that are kept: those of a minute at least.
_TIMES_KEPT = 1200


class _FullyNumbered(NamedTuple):
    """Every row that was committed ``at`` (seconds since 1970, the purger's clock) is in the batches up to ``head``."""

    head: int
    at: float


class FullyNumberedTimes:
    """Remembers when every committed row had a batch number. Any later batch was committed after that.

    Holds the times of the last minute; one thread adds, another one reads.
    """

    def __init__(self) -> None:
        self._times: deque[_FullyNumbered] = deque(maxlen=_TIMES_KEPT)

    def add(self, head: int, *, at: float) -> None:
        """Note that all rows that were committed ``at`` are in the batches up to ``head``."""
        self._times.append(_FullyNumbered(head, at))

    def before(self, batch: int) -> float | None:
        """Return the latest time before which no row of ``batch`` was committed; None where none is known."""
        return max((each.at for each in self._times.copy() if each.head < batch), default=None)


def rest(cost: float) -> float:
    """Return the seconds to rest after a verification that took ``cost`` seconds."""
    return max(_SHORTEST_REST, min(_REST * cost, _LONGEST_REST))


class Verifier(LoopThread):
    """Numbers the rows that the poller has not found, and verifies for the edges that asked.

    To read all rows takes long while a large transaction is open. The verifier has a connection of its own, so that a
    new ban does not wait for it.
    """

    def __init__(
        self,
        outbox: Outbox,
        poller: Poller,
        stop: threading.Event,
        fully_numbered: FullyNumberedTimes | None = None,
    ) -> None:
        """Verify until ``stop`` is set, and add the times of all verifications to ``fully_numbered``."""
        problem = ProblemLog(log, "the verification of heartbeats", patience=2)
        super().__init__("verifier", stop, problem, bug_effect="no edge gets a heartbeat")
        self._outbox = outbox
        self._poller = poller
        self._fully_numbered = fully_numbered or FullyNumberedTimes()
        self._missing: tuple[str, ...] = ()
        self._weakened: tuple[str, ...] = ()
        self._schema_checked: int | None = None  # the count of setbacks at which it was right
        self._bulk, self._called = threading.Event(), threading.Event()
        poller.on_bulk(self._hurry)
        poller.on_ticket(self._called.set)

    def work(self) -> float:
        """Verify once, and rest until an edge asks or the poller finds a bulk."""
        began = time.monotonic()
        self._bulk.clear()
        self._called.clear()
        self._verify()
        shortest = _LONGEST_REST if self._missing else rest(time.monotonic() - began)
        if not self._bulk.wait(shortest) and self._poller.wanted_ticket() is None:
            self._called.wait(_UNASKED - shortest)
        return 0.0

    def _hurry(self) -> None:
        self._bulk.set()
        self._called.set()

    def database_failed(self, error: DatabaseUnavailableError) -> float:
        """Log the error once, unless the poller has logged that the database is away."""
        if self._poller.usable:
            self._problem.begin("stuck", str(error))
        return _LONGEST_REST

    def _verify(self) -> None:
        ticket = self._poller.wanted_ticket()
        if ticket is None and self._missing:
            # No worker asks again for a while: the edges keep the epoch that could not be verified.
            ticket = self._poller.draw_ticket()
        if ticket is not None:
            # Otherwise a primary that its group has expelled would confirm edges by its old rows.
            self._outbox.catch_up()
        began = time.time()
        head = self._number_all()
        if head is not None:
            self._fully_numbered.add(head, at=began)
        if ticket is not None and head is not None:
            self._require_schema()
            triggers = self._outbox.triggers()
            self._report(triggers)
            self._poller.verified(Verification(ticket, head, triggers))

    def _require_schema(self) -> None:
        """Raise ``SchemaOlderError`` for an older schema, whose triggers may not write all that this version purges.

        Checked until it is right, and again after each setback: an older backup may have been restored.
        """
        setbacks = self._poller.setbacks
        if self._schema_checked != setbacks:
            self._outbox.later_migrations()
            self._schema_checked = setbacks

    def _number_all(self) -> int | None:
        """Have all rows numbered that were committed before this call; return the head then, or None when stopped.

        The rows of later commits may be left: under a steady stream of changes the outbox is never empty.
        """
        while not self._halt.is_set():
            setbacks = self._poller.setbacks  # before the head, which shows a setback last
            taken = self._outbox.take_bulk(self._poller.position, partial(self._found, setbacks=setbacks))
            if not taken.more and not taken.gone_back:
                return taken.head.batch
        return None

    def _found(self, taken: Taken, *, setbacks: int) -> None:
        self._poller.more_to_come = taken.more
        self._poller.found(taken, setbacks=setbacks)

    def _report(self, triggers: Triggers) -> None:
        if triggers.weakened != self._weakened:
            self._weakened = triggers.weakened
            if triggers.weakened:
                log.error(
                    "triggers that check rows or write the log are missing or altered: %s. Purges go on. "
                    "Run `purger migrate` to restore them",
                    ", ".join(triggers.weakened),
                )
            else:
                log.info("all triggers that check rows or write the log stand again")
        if triggers.missing == self._missing:
            return
        self._missing = triggers.missing
        if triggers.missing:
            log.error(
                "missing or altered triggers: %s. Changes leave no trace without them: no edge gets a heartbeat. "
                "Run `purger migrate` to restore them",
                ", ".join(triggers.missing),
            )
        else:
            log.info("all triggers stand again; edges are flushed, since changes may have left no trace")
