"""Logs each takedown from its number to its proof, and measures it: a thread beside the deliveries, never before them.

A line names the ban, its row in the outbox, its batch and the edge as far as it knows them, so that a takedown can be
followed by any of these.
"""

import logging
import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from purger.loop_thread import ERROR_REST, LoopThread
from purger.model import ProbeResult, Receipt
from purger.outbox.poller import Poller
from purger.problem_log import ProblemLog
from purger.records.batch_bans import BanReader, BatchBans
from purger.records.line_texts import Group, log_acknowledgements, log_number, log_probe
from purger.records.pending import Pending
from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.connection.lasting_connection import Connection

log = logging.getLogger(__name__)

#: Seconds that events wait, so that those of many edges are read and written together.
_GATHER = 0.05

#: Longest rest in seconds, and seconds of rest for each second of work.
_REST, _SHARE = 1.0, 5.0

#: Events that wait at most while the database is away. The oldest are dropped, from log and metrics alike.
_MOST_WAITING = 50_000

#: Most batches of one acknowledgement that are read: the latest ones, of an edge that was away for long.
_BATCHES = 1000

#: Seconds after which the times when edges were added are read again.
_EDGES_KEPT = 60.0

#: Upper bounds in seconds of the buckets of takedowns.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 600.0, 3600.0)

#: The stages of a ban at an edge, as labels of the histogram.
STAGES = ("acknowledged", "seen")

_Event = TypeVar("_Event", Receipt, ProbeResult)


class Histogram:
    """Counts values in buckets; for one thread that writes."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0.0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        """Count a value, so many times."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times


class TakedownLines(LoopThread):
    """Follows the head of the outbox, and what workers and prober report. Writes nothing to the database."""

    def __init__(
        self,
        connection: Connection,
        reader: BanReader,
        poller: Poller,
        stop: threading.Event,
        *,
        pending: Pending | None = None,
    ) -> None:
        """Work until ``stop`` is set. ``pending`` measures the oldest change that waits; None: without metrics."""
        problem = ProblemLog(log, "the log of takedowns", patience=2)
        super().__init__("takedowns", stop, problem, bug_effect="takedowns are missing in log and metrics", daemon=True)
        self._connection = connection
        self._reader = reader
        self._poller = poller
        self._pending = pending
        self._began = time.time()
        self._wake = threading.Event()
        self._receipts: deque[Receipt] = deque(maxlen=_MOST_WAITING)
        self._probes: deque[ProbeResult] = deque(maxlen=_MOST_WAITING)
        self._read: int | None = None  # the last batch that was logged
        self._setbacks = 0
        self._added: dict[str, float] = {}  # by edge, when it was added
        self._added_read = float("-inf")
        self.gone = {stage: Histogram(BOUNDS) for stage in STAGES}

    def acknowledged(self, receipts: Iterable[Receipt]) -> None:
        """Note acknowledgements; returns at once."""
        self._receipts.extend(receipts)
        self._wake.set()

    def probed(self, result: ProbeResult) -> None:
        """Note the result of a probe; returns at once."""
        if not result.code and (result.gone is not None or result.note):
            self._probes.append(result)
            self._wake.set()

    def wake(self) -> None:
        """Let the thread notice at once that something is new, or that it was stopped."""
        self._wake.set()

    def run(self) -> None:
        """Work until stopped; see ``LoopThread``."""
        self._poller.subscribe(self._wake.set)
        super().run()

    def work(self) -> float:
        """Wait for events, and log and measure them; return the seconds to rest."""
        self._wake.wait(_REST)
        self._halt.wait(_GATHER)
        self._wake.clear()
        began = time.thread_time()
        self._work()
        return _SHARE * (time.thread_time() - began)

    def database_failed(self, error: DatabaseUnavailableError) -> float:
        """Log the error once, unless the poller has logged that the database is away."""
        if self._poller.usable:
            self._problem.begin("stuck", str(error))
        return ERROR_REST

    def finish(self) -> None:
        """Work off what was noted last, and close the connection."""
        self.guarded(self._finish)
        self._connection.close()

    def _finish(self) -> float:
        self._work()
        return 0.0

    def _work(self) -> None:
        if self._pending is not None:
            self._pending.read(self._connection)
        self._follow_head()
        self._work_off(self._receipts, self._acknowledgements)
        self._work_off(self._probes, self._probe_results)

    def _work_off(self, waiting: deque[_Event], work: Callable[[list[_Event]], None]) -> None:
        taken = [waiting.popleft() for _ in range(len(waiting))]
        try:
            if taken:
                work(taken)
        except DatabaseUnavailableError:
            waiting.extendleft(reversed(taken))
            raise

    def _follow_head(self) -> None:
        """Log the batches that were numbered since the last call."""
        position, setbacks = self._poller.known
        if position is None:
            return
        if self._read is None:
            # The first poll numbers what was committed while no purger ran, if the last call of the former one did not.
            self._read = self._reader.last_before(self._began, position.batch)
        if setbacks != self._setbacks:
            self._read, self._setbacks = position.batch, setbacks
            self._reader.forget()
        while self._read < position.batch and not self._poller.more_to_come:
            batches = self._reader.read(self._read, position.batch)
            for batch in batches:
                log_number(batch)
            self._read = batches[-1].batch if batches else position.batch

    def _acknowledgements(self, receipts: list[Receipt]) -> None:
        groups = dict[Group, list[Receipt]]()
        for receipt in receipts:
            groups.setdefault(Group(receipt.first, receipt.last, receipt.method), []).append(receipt)
        self._read_edges({receipt.edge for receipt in receipts})
        for group, members in groups.items():
            batches = self._reader.between(group.first, group.last, most=_BATCHES)
            for receipt in members:
                self._measure(receipt, batches)
            log_acknowledgements(group, members, batches)

    def _measure(self, receipt: Receipt, batches: list[BatchBans]) -> None:
        """Count the time of each ban that the edge has acknowledged, except for bans from before it was added."""
        added = self._added.get(receipt.edge, 0.0)
        for batch in batches:
            if batch.begun is not None and batch.begun >= added:
                self.gone["acknowledged"].observe(max(0.0, receipt.at - batch.begun), batch.bans)

    def _probe_results(self, results: list[ProbeResult]) -> None:
        bans = {ban.row: ban for ban in self._reader.of_rows({result.invalidation for result in results})}
        for result in results:
            ban = bans.get(result.invalidation)
            if result.gone and result.at is not None and ban is not None and ban.cause == "ban":
                self.gone["seen"].observe(max(0.0, result.at - ban.begun))
            log_probe(result, ban)

    def _read_edges(self, names: set[str]) -> None:
        if names - self._added.keys() or time.monotonic() - self._added_read > _EDGES_KEPT:
            self._added = {str(name): float(added) for name, added in self._connection.rows("edges_since")}
            self._added_read = time.monotonic()
