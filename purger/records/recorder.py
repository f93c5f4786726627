"""Writes receipts, progress and probe results of all edges to the database, in a thread with a connection of its own.

No delivery waits for the database: workers hand over their results, which wait here until they are written. An edge's
progress is written in one transaction with the receipts that led to it. A purger that dies before sends an edge
something a second time, and never leaves anything out. Three things can make a result untrue while it waits, and it is
dropped:

- The database has gone back, and gives the numbers of batches and rows to others. Results carry the count of such
  setbacks; those of an earlier count are dropped (``UnwrittenResults.reach``).
- Another purger has claimed the edge. It goes on from the progress in the database, and records all again.
- A server that has taken over lacks the last batches. Progress is cut to its last batch, and receipts
  beyond that are dropped.

``EdgeResults`` collects results for one edge, ``UnwrittenResults`` merges those of all edges until a write succeeds.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from mysql.connector.abstracts import MySQLCursorAbstract

from purger.loop_thread import LoopThread
from purger.model import ProbeResult, Receipt, SavedProgress
from purger.problem_log import ProblemLog
from purger.records.rows import (
    of_known_rows,
    record_flushes,
    record_liveness,
    record_probes,
    record_progress,
    record_receipts,
)
from purger.records.takedown_lines import TakedownLines
from purger.records.unwritten_results import Liveness, ProgressWrite, UnwrittenResults
from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.connection.lasting_connection import Connection, fetch, last_batch

log = logging.getLogger(__name__)

#: Seconds between writes of liveness, which only readers of the table `edges` want to know.
_LIVENESS_INTERVAL = 2.0

#: Seconds by which this machine's clock may differ from the database's without a correction: a statement takes time.
#: Times of a record are by the database's clock, by which bans are dated.
_CLOCKS_AGREE = 0.1

#: Seconds between a write that failed and the next try.
_AFTER_FAILURE = 0.5


class _WentBackError(Exception):
    """The database went back during a write."""


class Recorder(LoopThread):
    """Keeps the results of workers and probes until the database has them, however long that takes."""

    def __init__(
        self,
        connection: Connection,
        *,
        delay: float,
        stop: threading.Event,
        usable: Callable[[], bool],
        setbacks: Callable[[], int] = lambda: 0,
        purger: str | None = None,
        takedown_lines: TakedownLines | None = None,
    ) -> None:
        """Write ``delay`` seconds after the first result, so that many edges share one transaction.

        ``stop``, set when the workers are done, ends the thread after a last write. ``usable`` returns False while the
        database is known to be away: then a write that fails is no news. ``setbacks`` returns how often the database
        was found to have gone back, and must count before batch numbers are given again. Nothing is written of edges
        that another purger than ``purger`` has claimed meanwhile. ``takedown_lines`` gets everything that is noted.
        """
        problem = ProblemLog(log, "the record of acknowledgements", patience=2)
        super().__init__("recorder", stop, problem, bug_effect="after a restart edges are sent everything again")
        self._takedown_lines = takedown_lines
        self._connection = connection
        self._delay = delay
        self._usable = usable
        self._setbacks = setbacks
        self._purger = purger
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._noted = UnwrittenResults()  # by other threads, since the last write began
        self._pending = UnwrittenResults()  # of the thread itself
        self._liveness_due = 0.0

    def acknowledged(
        self,
        edge: str,
        saved: SavedProgress,
        *,
        flushed: bool = False,
        receipts: Iterable[Receipt] = (),
        probe_results: Iterable[ProbeResult] = (),
        setbacks: int = 0,
    ) -> None:
        """Note an edge's progress, with the receipts and probe results that led to it.

        All is dropped if the database has gone back since the edge was flushed for the last of ``setbacks``.
        """
        with self._lock:
            if not self._noted.reach(setbacks):
                self._noted.put_flush(edge, saved.flush_done)
                return
            receipts = [*receipts]
            self._noted.put_progress(ProgressWrite(edge, saved, flushed))
            self._noted.receipts += receipts
            self._noted.probe_results += probe_results
        if self._takedown_lines is not None and receipts:
            self._takedown_lines.acknowledged(receipts)
        if not self._wake.is_set():  # to set it takes a lock, and the loop comes here for each request
            self._wake.set()

    def probed(self, probe_result: ProbeResult, *, setbacks: int = 0) -> None:
        """Note the result of a probe of an edge's public listener; dropped as in ``acknowledged``."""
        with self._lock:
            if not self._noted.reach(setbacks):
                return
            self._noted.probe_results.append(probe_result)
        if self._takedown_lines is not None:
            self._takedown_lines.probed(probe_result)
        self._wake.set()

    def alive(
        self,
        edge: str,
        *,
        seen_at: float | None,
        epoch: str | None,
        problem: str | None,
        lease: float | None = None,
    ) -> None:
        """Note an edge's last answer (seconds since 1970), its last epoch, its problem and its lease (seconds)."""
        with self._lock:
            self._noted.put_liveness(Liveness(edge, seen_at, None if epoch is None else float(epoch), problem, lease))

    def work(self) -> float:
        """Wait for records and write them; return the seconds to rest."""
        self._wake.wait(max(0.0, self._liveness_due - time.monotonic()))
        self._halt.wait(self._delay)
        self._wake.clear()
        began = time.monotonic()
        # Under load it writes half of the time, and more at a time: of each edge only the latest progress.
        return self._write() or time.monotonic() - began

    def database_failed(self, error: DatabaseUnavailableError) -> float:
        """Log the error once, unless the poller has logged that the database is away."""
        if self._usable():
            self._problem.begin("stuck", str(error))
        return _AFTER_FAILURE

    def finish(self) -> None:
        """Write once more, and close the connection."""
        self.guarded(self._write)
        self._connection.close()

    def wake(self) -> None:
        """Let the thread notice at once that it was stopped."""
        self._wake.set()

    def _write(self) -> float:
        """Write all that waits; return the seconds to rest. After an error it waits for the next try."""
        with self._lock:
            noted, self._noted = self._noted, UnwrittenResults(self._noted.setbacks)
        self._pending.merge(noted)
        self._pending.reach(self._setbacks())
        if self._pending:
            try:
                self._write_in_transaction(self._pending)
            except _WentBackError:
                return _AFTER_FAILURE
        self._pending = UnwrittenResults(self._pending.setbacks)
        self._liveness_due = time.monotonic() + _LIVENESS_INTERVAL
        return 0.0

    def _write_in_transaction(self, pending: UnwrittenResults) -> None:
        with self._connection.transaction() as cursor:
            written = pending.without(self._lost_edges(cursor, pending.edges()))
            _write_of_batches(cursor, written)
            record_flushes(cursor, pending.flushes)
            record_liveness(cursor, _by_the_databases_clock(cursor, written.liveness.values()))
            # Numbers are given again only after a setback was counted: what was read above was not of these.
            if self._setbacks() != pending.setbacks:
                raise _WentBackError

    def _lost_edges(self, cursor: MySQLCursorAbstract, edges: set[str]) -> set[str]:
        """Lock edges until the transaction ends, and return those that another purger has claimed.

        That purger goes on from the progress in the database, and records again what is dropped here.
        """
        owners = fetch(cursor, "lock_edges", names=json.dumps(sorted(edges)))
        return {edge for edge, owner in owners if owner not in (None, self._purger)}


def _write_of_batches(cursor: MySQLCursorAbstract, pending: UnwrittenResults) -> None:
    """Write what concerns batches and rows, as far as the database has these."""
    if not (pending.progress or pending.receipts or pending.probe_results):
        return
    last = last_batch(cursor)
    ahead = _ahead(cursor)
    receipts = [each for each in pending.receipts if each.last <= last]
    results = of_known_rows(cursor, pending.probe_results)
    if ahead:
        receipts = [each._replace(at=each.at - ahead) for each in receipts]
        results = [each if each.at is None else replace(each, at=each.at - ahead) for each in results]
    record_receipts(cursor, receipts)
    record_probes(cursor, results)
    record_progress(cursor, pending.progress.values(), last)


def _by_the_databases_clock(cursor: MySQLCursorAbstract, noted: Iterable[Liveness]) -> list[Liveness]:
    """Correct the times of last answers: from these follows until when an edge may trust its cache."""
    ahead = _ahead(cursor)
    if not ahead:
        return [*noted]
    return [each if each.seen_at is None else each._replace(seen_at=each.seen_at - ahead) for each in noted]


def _ahead(cursor: MySQLCursorAbstract) -> float:
    """Return the seconds by which this machine's clock is ahead of the database's."""
    ((clock,),) = fetch(cursor, "clock")
    ahead = time.time() - float(clock)
    return 0.0 if abs(ahead) < _CLOCKS_AGREE else ahead


class EdgeResults:
    """The receipts and probe results of one edge that have yet to be recorded; for one thread."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._receipts: list[Receipt] = []
        self._probe_results: list[ProbeResult] = []

    def add_receipt(self, edge: str, instance: str | None, first: int, last: int, method: str) -> None:
        """Add a receipt of the batches ``first`` to ``last``, which the edge has acknowledged just now."""
        self._receipts.append(Receipt(edge, first, last, method, str(instance), time.time()))

    def add_probe_results(self, probe_results: Iterable[ProbeResult]) -> None:
        """Add probe results, which count with the next progress that is recorded."""
        self._probe_results += probe_results

    def drop(self) -> None:
        """Drop everything: the database has gone back, and gives the batch numbers to others."""
        self._receipts, self._probe_results = [], []

    def write(self, edge: str, saved: SavedProgress | None, *, flushed: bool, setbacks: int) -> None:
        """Hand everything to the recorder with the edge's progress.

        Without progress, as long as a flush has yet to be sent again, everything waits for that. ``setbacks`` of the
        database are those that the edge was flushed for.
        """
        if saved is None:
            return
        receipts, probe_results = self._receipts, self._probe_results
        self.drop()
        self._recorder.acknowledged(
            edge, saved, flushed=flushed, receipts=receipts, probe_results=probe_results, setbacks=setbacks
        )
