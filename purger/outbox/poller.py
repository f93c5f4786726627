"""Polls the outbox for rows that were just committed, has them numbered, and wakes the workers of all edges.

How a ban gets from its COMMIT to the workers, and when an edge may be told that it has everything:

- Triggers write a row into the outbox in the ban's own transaction. Its id is given at the INSERT, but it is visible
  from the COMMIT on. So a row with a smaller id may still come: no id says that all rows up to it were seen.
- Therefore committed rows get a batch number after their COMMIT (``Outbox.take``). Nothing is ever added to a batch, so
  that edges can be brought from batch to batch.
- The poller asks for new rows every millisecond. It passes over rows that were inserted more than a second ago
  (``IdWindow``), since to read all of them takes long while a large transaction is open.
- The verifier (``verifier.py``) reads all rows, several times a second, and numbers what polls have left out.
- An edge trusts its cache only as long as heartbeats say that it has every purge. For the next one it names its own
  clock, then its worker draws a ticket here. The verifier takes the latest ticket, numbers all committed rows and
  publishes a ``Verification`` with that ticket and the last batch, the head. It began after the ticket was drawn: an
  edge that has acknowledged the batches up to that head has everything that was committed before the time it named.
- The database may lose batches, when it is restored or fails over, and gives their numbers again to other rows. Each
  batch has a random identity beside its number, by which poller and verifier notice. They count such setbacks, and
  every edge is flushed.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from purger.loop_thread import LoopThread
from purger.model import Position, Verification
from purger.outbox.batches import Batches
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


class _Noted(NamedTuple):
    """The largest id at a moment of the monotonic clock."""

    at: float
    largest: int


class IdWindow:
    """The largest ids of the last ``age`` seconds.

    An id is given at the INSERT, and its row is seen at the COMMIT. Rows that waited longer than ``age`` for their
    COMMIT are left to the verifier, which reads all rows; so are those of a transaction that is still open, each of
    which would cost every poll time.
    """

    def __init__(self, age: float) -> None:
        """Keep the ids of ``age`` seconds."""
        self._age = age
        self._noted: deque[_Noted] = deque()

    def note(self, largest: int, *, at: float) -> None:
        """Note the largest id that there was at ``at``, in seconds of the monotonic clock."""
        if self._noted and largest < self._noted[-1].largest:
            self._noted.clear()  # the database has gone back, and ids come again
        self._noted.append(_Noted(at, largest))
        while len(self._noted) > 1 and self._noted[1].at <= at - self._age:
            self._noted.popleft()

    def narrow(self, smallest: int, *, at: float) -> None:
        """Leave out the rows up to the id ``smallest`` from now on, although some were written a moment ago."""
        self._noted.clear()
        self._noted.append(_Noted(at - self._age, smallest))

    def start(self, now: float) -> int | None:
        """Return the id beyond which rows are of the last ``age`` seconds; None while that is not known."""
        if self._noted and self._noted[0].at <= now - self._age:
            return self._noted[0].largest
        return None


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
        self._subscribers: list[Callable[[], None]] = []
        self._at_next_verification: set[Callable[[], None]] = set()
        self._lock = threading.Lock()
        self._ticket = 0
        self._bulk_found: Callable[[], None] = lambda: None
        self._ticket_drawn: Callable[[], None] = lambda: None
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
            self._subscribers = [*self._subscribers, wake]

    def on_bulk(self, call: Callable[[], None]) -> None:
        """Have ``call`` called, in the thread of the poller, when it has left rows of a bulk to the verifier."""
        self._bulk_found = call

    def on_ticket(self, call: Callable[[], None]) -> None:
        """Have ``call`` called whenever a ticket is drawn, in the thread of the worker that draws it."""
        self._ticket_drawn = call

    def on_next_verification(self, call: Callable[[], None], *, after: Verification | None) -> None:
        """Have ``call`` called once, at the verification that follows ``after``; now if that has been published."""
        with self._lock:
            published = self.verification is not after
            if not published:
                self._at_next_verification.add(call)
        if published:
            call()

    def draw_ticket(self) -> int:
        """Ask for a verification that begins after now; it will bear this ticket or a later one."""
        with self._lock:
            self._ticket += 1
            ticket = self._ticket
        self._ticket_drawn()
        return ticket

    def wanted_ticket(self) -> int | None:
        """Return the latest ticket if it has no verification yet, else None. Ticket 0 is nobody's: the first one."""
        with self._lock:
            wanted = self.verification is None or self.verification.ticket < self._ticket
            return self._ticket if wanted else None

    def verified(self, verification: Verification) -> None:
        """Publish a verification. It wakes the few workers that wait for one: there are up to 20 a second."""
        with self._lock:
            former, self.verification = self.verification, verification
            waiting, self._at_next_verification = self._at_next_verification, set()
        if former is None or former.triggers != verification.triggers:
            self.notify()
            return
        for call in waiting:
            call()

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
        for wake in self._subscribers:
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
            self._bulk_found()
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
