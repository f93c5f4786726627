"""Polls the outbox for rows that were just committed, has them numbered, and wakes all workers."""

import logging
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from purger.loop_thread import LoopThread
from purger.model import Position, Verification
from purger.outbox.batches import Batches
from purger.outbox.id_window import IdWindow
from purger.outbox.outbox import Outbox, Taken
from purger.problem_log import ProblemLog
from takedown_db.connection.errors import DatabaseUnavailableError, NotAdoptedError

log = logging.getLogger(__name__)

#: Seconds that the server may wait for a row before it answers. A stop is noticed after that, and the connection's
#: time-out is longer.
_LONGEST_WAIT = 0.5

#: Longest interval in seconds at which the server waits for a row; at longer intervals the poller waits.
_LONGEST_STEP = 0.1

#: Seconds between polls while the database cannot be used.
_WHEN_AWAY = 0.25

#: Seconds from its INSERT to its COMMIT within which a poll finds a row. All later ones are found by the verifier.
_WINDOW = 1.0

#: Ids before the largest one in which polls look for rows while a bulk is numbered. The verifier numbers the bulk: a
#: poll would pass all rows of it that are numbered, to find the newest that are not.
_NEWEST = 500


class Known(NamedTuple):
    """The position of the last batch, and the count of setbacks of the database when it was found."""

    position: Position | None  # None before the first poll
    setbacks: int


class Poller(LoopThread):
    """Polls the newest rows of the outbox, and publishes the state of the outbox to the workers.

    The poller and the verifier both find ``known``, ``pruned`` and ``verification``. ``known`` is set as a whole: with
    the count from after a setback and the batch from before it, an edge would be brought to a batch that is gone.
    """

    def __init__(
        self,
        outbox: Outbox,
        batches: Batches,
        *,
        interval: float,
        stop: threading.Event,
        sign: Callable[[], None] = lambda: None,
    ) -> None:
        """Poll ``outbox`` every ``interval`` seconds, and call ``sign`` after each poll that went well."""
        super().__init__("poller", stop, ProblemLog(log, "the database"), bug_effect="no edge gets a heartbeat")
        self._outbox = outbox
        self._batches = batches
        self._interval = interval
        self._sign = sign
        self._window = IdWindow(_WINDOW)
        self._tell: list[Callable[[], None]] = []
        self._tell_once: set[Callable[[], None]] = set()
        self._lock = threading.Lock()
        self._ticket = 0
        self._hurry: Callable[[], None] = lambda: None
        self._requested: Callable[[], None] = lambda: None
        self._unnumberable = 0
        self.usable = True
        #: Whether committed rows waited for their number when the outbox was last read.
        self.more_to_come = False
        self.known = Known(None, 0)
        self.pruned = 0
        self.verification: Verification | None = None

    @property
    def position(self) -> Position | None:
        """The position of the last batch; None before the first poll."""
        return self.known.position

    @property
    def setbacks(self) -> int:
        """The count of times that the database was found to have gone back."""
        return self.known.setbacks

    @property
    def head(self) -> int | None:
        """The number of the last batch; None before the first poll."""
        position = self.position
        return None if position is None else position.batch

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` from now on, in the thread of poller or verifier, whenever something new was found.

        A verification is new where the triggers are others than in the one before.
        """
        with self._lock:
            self._tell = [*self._tell, wake]

    def unsubscribe(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` no longer."""
        with self._lock:
            self._tell = [known for known in self._tell if known != wake]

    def hurry_by(self, hurry: Callable[[], None]) -> None:
        """Call ``hurry``, in the thread of the poller, when it has left rows of a bulk to the verifier."""
        self._hurry = hurry

    def call_at_request(self, wake: Callable[[], None]) -> None:
        """Call ``wake``, in the thread of the worker that asks, at each request for a verification."""
        self._requested = wake

    def wake_at_verification(self, wake: Callable[[], None], *, after: Verification | None) -> None:
        """Call ``wake`` once, at the next verification ``after`` that one; at once if it has been published."""
        with self._lock:
            published = self.verification is not after
            if not published:
                self._tell_once.add(wake)
        if published:
            wake()

    def request(self) -> int:
        """Ask for a verification that begins after now; it will bear this ticket or a later one."""
        with self._lock:
            self._ticket += 1
            ticket = self._ticket
        self._requested()
        return ticket

    def requested(self) -> int | None:
        """Return the latest ticket when there is no verification for it yet. The first, 0, is for all edges."""
        with self._lock:
            wanted = self.verification is None or self.verification.ticket < self._ticket
            return self._ticket if wanted else None

    def verified(self, verification: Verification) -> None:
        """Publish a verification. It wakes the few workers that wait for one: there are up to 20 a second."""
        with self._lock:
            former, self.verification = self.verification, verification
            waiting, self._tell_once = self._tell_once, set()
        if former is None or former.triggers != verification.triggers:
            self.notify()
            return
        for wake in waiting:
            wake()

    def found(self, taken: Taken, *, setbacks: int) -> None:
        """Publish an answer of the outbox; ``setbacks`` is their count from before the query was sent.

        The answer to a query from before the latest setback is dropped. It may show the batches that the database has
        lost since, and the next answer would then be taken for another setback.
        """
        with self._lock:
            moved = setbacks == self.setbacks and self._advance(taken)
        if moved:
            self.notify()

    def notify(self) -> None:
        """Wake all workers."""
        for wake in self._tell:
            wake()

    def work(self) -> float:
        """Poll once; return the seconds to rest."""
        rest = self._poll()
        self.usable = True
        self._sign()
        return rest

    def database_failed(self, error: DatabaseUnavailableError) -> float:
        """Log once that the database is away, and poll for it at a slower pace."""
        self.usable = False
        kind = "not adopted" if isinstance(error, NotAdoptedError) else "unusable"
        self._problem.begin(kind, str(error))
        return max(_WHEN_AWAY, self._interval)

    def _poll(self) -> float:
        """Have new rows numbered and publish them; return the seconds to rest. The server may wait for a row."""
        began = time.monotonic()
        setbacks = self.setbacks  # before the head, which shows a setback last
        after, known = self._window.start(began), self.position
        wait = _LONGEST_WAIT if after is not None and self._interval <= _LONGEST_STEP else 0.0
        taken = self._outbox.take(known, after=after, wait=wait, step=self._interval)
        self._window.note(taken.largest, at=began)
        if taken.more and after is not None:
            self._window.narrow(max(after, taken.largest - _NEWEST), at=began)
            self.more_to_come = True
            self._hurry()
        self.found(taken, setbacks=setbacks)
        self._report(taken.unnumberable)
        return 0.0 if taken.more else self._interval

    def _advance(self, taken: Taken) -> bool:
        """Move the head; return False when the answer shows nothing new.

        Two threads report, so the answer is compared with the batch that its own query named.
        """
        known, (position, setbacks) = taken.known, self.known
        self.pruned = taken.pruned
        if taken.gone_back:
            # Seen before anything is numbered: numbering may bring the head to where it was, with other rows.
            log.error("the database has gone back from batch %s to %s: every edge will be flushed", known, taken.head)
            self._batches.forget()
            setbacks += 1
        elif position is None or taken.head.batch > position.batch:
            # Otherwise the batches in memory have a gap, whose rows are read from the database.
            if known is not None and position is not None and known.batch <= position.batch and taken.rows is not None:
                rows = [row for row in taken.rows if row.batch > position.batch]
                self._batches.add(position.batch, taken.head.batch, rows, taken.identities)
        else:
            return False
        self.known = Known(taken.head, setbacks)
        return True

    def _report(self, unnumberable: int) -> None:
        if unnumberable > self._unnumberable:
            log.error(
                "%d malformed rows were taken out of the outbox: no purge can be made of them. "
                "The table unnumberable holds them; see who wrote them",
                unnumberable - self._unnumberable,
            )
        self._unnumberable = unnumberable
