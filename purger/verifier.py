"""Looks at the whole outbox and the triggers: for what a heartbeat claims, and for rows that were committed late."""

import logging
import threading
import time

from purger.model import Verification
from purger.outbox import Outbox
from purger.poller import Poller
from purger.problem_log import ProblemLog
from takedown_db.errors import DatabaseUnavailableError
from takedown_db.schema.triggers import Triggers

log = logging.getLogger(__name__)

#: Seconds between two looks at least. Each serves every edge that asked before it began.
_LOOKS_APART = 0.05

#: The thread rests this many times as long as it looked: each row that is not committed costs it half a microsecond.
_REST = 3.0

#: Seconds of rest at most, also when the look took so long because the process was frozen.
_LONGEST_REST = 0.5


def rest(cost: float) -> float:
    """Seconds to wait after a look that took ``cost``."""
    return max(_LOOKS_APART, min(_REST * cost, _LONGEST_REST))


class Verifier(threading.Thread):
    """Numbers whatever the watch has not found, and verifies for the edges that asked.

    A look at all rows takes long while a large transaction is open. It has a connection of its own, so that a new ban
    does not wait for it.
    """

    def __init__(self, queue: Outbox, poller: Poller, stop: threading.Event) -> None:
        super().__init__(name="verifier")
        self._outbox = queue
        self._poller = poller
        self._halt = stop
        self._missing: tuple[str, ...] = ()
        self._weakened: tuple[str, ...] = ()
        self._problem = ProblemLog(log, "the verification of heartbeats", patience=2)

    def run(self) -> None:
        """Look until stopped."""
        while not self._halt.is_set():
            began = time.monotonic()
            try:
                self._look()
            except DatabaseUnavailableError as error:
                if self._poller.usable:
                    self._problem.begin("stuck", str(error))
                self._halt.wait(_LONGEST_REST)
                continue
            except Exception:
                if self._problem.begin("not understood", "this is a bug; no edge gets a heartbeat"):
                    log.exception("while verifying")
                self._halt.wait(_LONGEST_REST)
                continue
            self._problem.end()
            self._halt.wait(_LONGEST_REST if self._missing else rest(time.monotonic() - began))

    def _look(self) -> None:
        ticket = self._poller.requested()
        if ticket is None and self._missing:
            # Nobody asks again for a while: the edges keep the epoch that could not be verified.
            ticket = self._poller.request()
        if ticket is not None:
            # A primary that its group has expelled would vouch for what it had.
            self._outbox.catch_up()
        head = self._number_all()
        if ticket is not None and head is not None:
            triggers = self._outbox.triggers()
            self._report(triggers)
            self._poller.verified(Verification(ticket, head, triggers))

    def _number_all(self) -> int | None:
        """Number until all has a number that was committed before; the head then, or None when stopped before.

        It does not go on until nothing is pending: in a steady stream of changes that moment never comes.
        """
        while not self._halt.is_set():
            setbacks = self._poller.setbacks  # before the head, which shows a setback last
            taken = self._outbox.take(self._poller.place)
            self._poller.found(taken, setbacks=setbacks)
            if not taken.more and not taken.gone_back:
                return taken.head.batch
        return None

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
