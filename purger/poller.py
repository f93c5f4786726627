"""Finds and numbers new rows for all edges as soon as they are committed."""

import logging
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from purger.batches import Batches
from purger.id_window import IdWindow
from purger.model import Position, Verification
from purger.outbox import Outbox, Taken
from purger.problem_log import ProblemLog
from takedown_db.errors import DatabaseUnavailableError, NotAdoptedError

log = logging.getLogger(__name__)

#: Seconds that the server may wait for a row before it answers: a stop is noticed after that, and the connection's
#: time-out is longer.
_LONGEST_WAIT = 0.5

#: Seconds between two looks up to which the server is left to wait; for longer ones the poller does.
_LONGEST_STEP = 0.1

#: Seconds between polls while the database cannot be used.
_WHEN_AWAY = 0.25

#: Seconds from its INSERT to its COMMIT within which a row is found by the fast look. All others are the verifier's.
_WINDOW = 1.0


class Known(NamedTuple):
    """The last batch (None before the first look), and how often the database had gone back when it was found."""

    place: Position | None
    setbacks: int


class Poller(threading.Thread):
    """Polls the newest rows of the outbox.

    ``known``, ``pruned`` and ``verification`` hold what is known, whoever found it. ``known`` is set as a whole: with
    the count of after a setback and the batch of before it an edge would be brought to a batch that is gone.
    """

    def __init__(
        self,
        queue: Outbox,
        batches: Batches,
        *,
        interval: float,
        stop: threading.Event,
        sign: Callable[[], None] = lambda: None,
    ) -> None:
        """``interval`` is the wait between two looks in seconds. ``sign`` is called after each poll that went well."""
        super().__init__(name="watch")
        self._outbox = queue
        self._batches = batches
        self._interval = interval
        self._halt = stop
        self._sign = sign
        self._window = IdWindow(_WINDOW)
        self._tell: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._ticket = 0
        self._unnumberable = 0
        self._problem = ProblemLog(log, "the database")
        self.usable = True
        self.known = Known(None, 0)
        self.pruned = 0
        self.verification: Verification | None = None

    @property
    def place(self) -> Position | None:
        """The last batch; None before the first look."""
        return self.known.place

    @property
    def setbacks(self) -> int:
        """How often the database was found to have gone back."""
        return self.known.setbacks

    @property
    def head(self) -> int | None:
        """The number of the last batch; None before the first look."""
        place = self.place
        return None if place is None else place.batch

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called, in the finder's thread, whenever something new was found."""
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

    def requested(self) -> int | None:
        """Return the latest ticket when there is no verification for it yet. The first, 0, is for all edges."""
        with self._lock:
            wanted = self.verification is None or self.verification.ticket < self._ticket
            return self._ticket if wanted else None

    def verified(self, verification: Verification) -> None:
        """Publish a verification."""
        self.verification = verification
        self._notify()

    def found(self, taken: Taken, *, setbacks: int) -> None:
        """Publish an answer of the outbox; ``setbacks`` is their count from before the question was put.

        An answer to a question from before the latest setback is dropped. It may show the batches that the database has
        lost since, and the next answer would then be taken for another setback.
        """
        with self._lock:
            moved = setbacks == self.setbacks and self._advance(taken)
        if moved:
            self._notify()

    def run(self) -> None:
        """Poll until stopped. The database being away is logged once, and polled for at a slower pace."""
        while not self._halt.is_set():
            try:
                rest = self._look()
            except DatabaseUnavailableError as error:
                self.usable = False
                self._problem.begin("not adopted" if isinstance(error, NotAdoptedError) else "unusable", str(error))
                rest = max(_WHEN_AWAY, self._interval)
            except Exception:
                if self._problem.begin("not understood", "this is a bug; no edge gets a heartbeat"):
                    log.exception("while polling")
                rest = max(_WHEN_AWAY, self._interval)
            else:
                self._problem.end()
                self.usable = True
                self._sign()
            self._halt.wait(rest)

    def _look(self) -> float:
        """Look once, or until there is something; the seconds to rest afterwards."""
        began = time.monotonic()
        setbacks = self.setbacks  # before the head, which shows a setback last
        after, known = self._window.start(began), self.place
        wait = _LONGEST_WAIT if after is not None and self._interval <= _LONGEST_STEP else 0.0
        taken = self._outbox.take(known, after=after, wait=wait, step=self._interval)
        self._window.note(taken.largest, at=began)
        self.found(taken, setbacks=setbacks)
        self._report(taken.unnumberable)
        return 0.0 if taken.more else self._interval

    def _advance(self, taken: Taken) -> bool:
        """Move the head. Two threads report, so what is compared is what was known when the question was put."""
        known, (place, setbacks) = taken.known, self.known
        self.pruned = taken.pruned
        if taken.gone_back:
            # Seen before anything is numbered: numbering may bring the head to where it was, with other rows.
            log.error("the database has gone back from batch %s to %s: every edge will be flushed", known, taken.head)
            self._batches.forget()
            setbacks += 1
        elif place is None or taken.head.batch > place.batch:
            # Otherwise the backlog has a gap, and edges read from the database what is in it.
            if known is not None and place is not None and known.batch <= place.batch and taken.rows is not None:
                rows = [row for row in taken.rows if row.batch > place.batch]
                self._batches.add(place.batch, taken.head.batch, rows, taken.identities)
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

    def _notify(self) -> None:
        for wake in self._tell:
            wake()
