"""Probes edges in the background for bans that they have acknowledged, without delaying any delivery.

``audit`` probes for all bans that stand, ``receipts/on_demand_probe`` for those of one report.

An acknowledgement is checked, not believed: an edge whose cache still shows a removed image is flushed. First its image
is requested again a second later, since the prompt rebound removes what a thread of varnishd stored late. An edge is
flushed once for a ban, since what a flush leaves is not in its cache, and at most once in ``_FLUSH_INTERVAL``.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

from purger.backoff import Backoff
from purger.loop_thread import LoopThread
from purger.model import Edge, Row
from purger.probing.probe import Probe
from purger.probing.row_probe import (
    SECONDS_AT_A_SUBJECT,
    ImageChoice,
    KeptImage,
    RowProbeResult,
    choose,
    probe_row,
)
from purger.probing.schedule import BatchRange, DueProbe, ProbeSchedule, ShownRow
from purger.probing.targets import KnownTargets
from purger.probing.verdict import Verdict
from purger.problem_log import ProblemLog
from purger.records.recorder import Recorder
from purger.records.tally import Tally
from takedown_base.printable import printable
from takedown_base.scope import Scope
from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.connection.lasting_connection import Connection

log = logging.getLogger(__name__)

#: Most bans probed after a flush: the newest that stand.
_AFTER_FLUSH = 20

#: Most bans probed at an edge that this process begins to follow, and the hours since they were numbered.
_UNSEEN = 200
_UNSEEN_HOURS = 1

#: Seconds of rest for each second of processor time: the thread shares the interpreter with the deliveries. And while
#: these are loaded: then what is probed is a sample of all bans.
_REST, _REST_LOADED = 3.0, 30.0

#: Longest rest in seconds between two probes.
_LONGEST_REST = 1.0

#: Seconds of rest while no probe is due.
_IDLE_REST = 0.1

#: Seconds after which an image that an edge still shows was not stored late: longer than until the prompt rebound.
_STORED_LATE = 1.0

#: Shortest time in seconds between two flushes of an edge: the lease, after which an edge that is cut off hides images
#: too. An index that loses tags may fail at each ban, and a cache that is emptied for each one holds nothing.
_FLUSH_INTERVAL = 10.0

#: Seconds for which the images that were drawn for a ban on an owner or digest are kept: each edge is probed soon.
_DRAWN_KEPT = 60.0


class _Drawn(NamedTuple):
    """The images that were drawn for a ban on an owner or digest."""

    until: float  # the moment of the monotonic clock at which they are drawn again
    choice: ImageChoice


class Prober(LoopThread):
    """Probes until there is a result, however often the database or an edge is away, and has it recorded."""

    def __init__(
        self,
        connection: Connection,
        probe: Probe,
        recorder: Recorder,
        stop: threading.Event,
        *,
        setbacks: Callable[[], int],
        loaded: Callable[[], bool] = lambda: False,
        tally: Tally | None = None,
    ) -> None:
        """Probe until ``stop`` is set, seldom while ``loaded`` returns True. ``tally`` counts findings.

        ``setbacks`` returns how often the database was found to have gone back: probes from before are dropped.
        """
        problem = ProblemLog(log, "the probing of edges")
        super().__init__("prober", stop, problem, bug_effect="bans may stay unproven", daemon=True)
        self._connection = connection
        self._probe = probe
        self._recorder = recorder
        self._setbacks = setbacks
        self._loaded = loaded
        self._tally = tally or Tally()
        self._schedule = ProbeSchedule()
        self.waiting = self._schedule.waiting
        self._backoff = Backoff(0.5, 2.0)  # while the database is away
        self._silent: set[str] = set()  # edges whose last probe got no answer
        self._unproven: dict[Edge, int] = {}  # by edge the row of the first probe whose answer proved nothing
        self._flushed: dict[str, float] = {}  # by edge, the moment at which its last flush was asked for here
        self._targets = KnownTargets()
        self._drawn: dict[Row, _Drawn] = {}  # by row that bans an owner or digest

    def follow(self, edges: Iterable[tuple[Edge, int]]) -> None:
        """Probe only these edges from now on; each comes with the last batch that it has acknowledged.

        The bans that a new one acknowledged within the last hour, perhaps to a purger that was killed, are probed too.
        """
        setbacks = self._setbacks()
        acknowledged = dict(edges)
        for edge in self._schedule.follow(acknowledged):
            unseen = BatchRange(0, acknowledged[edge], _UNSEEN, _UNSEEN_HOURS)
            self._schedule.put(edge.name, [unseen], setbacks=setbacks)

    def offer(self, edge: Edge, rows: Iterable[Row], *, setbacks: int = 0) -> None:
        """Probe ``edge``, which has acknowledged ``rows``, for them when there is time. Return at once.

        Dropped when the database has gone back more often than ``setbacks`` times.
        """
        self._schedule.put(edge.name, rows, at_once=True, setbacks=setbacks)

    def offer_flushed(self, edge: Edge, after: int, last: int, *, setbacks: int = 0) -> None:
        """Probe ``edge`` for the newest bans of the batches after ``after`` up to ``last``, which a flush covered."""
        batches = BatchRange(after, last, _AFTER_FLUSH)
        self._schedule.put(edge.name, [batches], at_once=True, setbacks=setbacks)

    def work(self) -> float:
        """Make the next probe; return the seconds to rest."""
        began = time.thread_time()
        self._schedule.begin_anew(self._setbacks())
        due = self._schedule.take(time.monotonic())
        if due is None:
            return _IDLE_REST
        try:
            self._carry_out(due)
        except DatabaseUnavailableError as error:
            log.debug("edge %s is not probed: %s", due.edge.name, error)  # the poller logs that the database is away
            self._schedule.put_back(due.edge.name, due.task, setbacks=due.setbacks)
            return self._backoff.next()
        except Exception as error:
            error.add_note(f"at edge {printable(due.edge.name)}")
            raise
        self._backoff.reset()
        return self._rest_after(time.thread_time() - began)

    def finish(self) -> None:
        """Close all connections."""
        self._probe.close()
        self._connection.close()

    def _carry_out(self, due: DueProbe) -> None:
        if isinstance(due.task, BatchRange):
            self._read(due.edge, due.task, due.setbacks)
        elif isinstance(due.task, ShownRow) and self._is_flush_open(due.edge):
            # Until it is on record a receipt would not say that it came first.
            self._schedule.put_off(due.edge.name, due.task, now=time.monotonic(), setbacks=due.setbacks)
        else:
            self._probe_for(due.edge, due.task, due.setbacks)

    def _read(self, edge: Edge, batches: BatchRange, setbacks: int) -> None:
        """Read the bans of a range of batches, and add their probes."""
        rows = self._connection.rows(
            "bans_to_probe",
            edge=edge.name,
            after=batches.after,
            last=batches.last,
            hours=batches.hours,
            limit=batches.limit,
        )
        self._schedule.put(edge.name, [Row(*row) for row in rows], setbacks=setbacks)

    def _probe_for(self, edge: Edge, task: Row | ShownRow, setbacks: int) -> None:
        first = isinstance(task, Row)
        row = task if isinstance(task, Row) else task.row
        choice = replace(self._choose(row), seconds=SECONDS_AT_A_SUBJECT, between=self._rest)
        target = self._targets.of(edge)
        result = probe_row(self._connection, self._probe, target, row, choice)
        if result.elsewhere and (now := self._targets.of(edge, anew=True)).proof not in (None, target.proof):
            # The edge was started again: it has another instance.
            result = probe_row(self._connection, self._probe, now, row, choice)
        served = sum(1 for image in result.kept if image.answer.served)
        self._tally.judged(probes=not result.silent, unproven=result.again and not result.silent, served=served)
        shown = next((image.code for image in result.kept if _in_cache(image)), None)
        if result.kept and first:
            self._report(edge, row, result)
        if shown is None or first:
            for probe_result in (*result.parts, result.probe_result):
                self._recorder.probed(probe_result, setbacks=setbacks)
        self._log_silence(edge, result)
        self._log_doubt(edge, row, result)
        if shown is not None:
            task = self._distrust(edge, task, shown)
        if shown is not None or result.again:
            self._schedule.put_off(edge.name, task, now=time.monotonic(), setbacks=setbacks)
        else:
            self._schedule.answered(edge.name)

    def _distrust(self, edge: Edge, task: Row | ShownRow, code: str) -> ShownRow:
        """Have an edge flushed whose cache still shows an image, unless that may be over, or it is too early."""
        now = time.monotonic()
        if isinstance(task, Row):
            return ShownRow(task, since=now)
        early = (
            now - task.since < _STORED_LATE or now - self._flushed.get(edge.name, -_FLUSH_INTERVAL) < _FLUSH_INTERVAL
        )
        if task.flushed or early:
            return task
        self._connection.run("ask_flush", name=edge.name, by=f"a probe that still got image {code}", served=code)
        self._flushed[edge.name] = now
        self._tally.flushes[edge.name] += 1
        log.error("edge %s goes on showing banned image %s from its cache, and is to be flushed", edge.name, code)
        return task._replace(flushed=True)

    def _is_flush_open(self, edge: Edge) -> bool:
        rows = self._connection.rows("flush_requests")
        return any(name == edge.name and asked > done for name, _, asked, done, _ in rows)

    def _choose(self, row: Row) -> ImageChoice:
        """Choose the images to request: of many the same ones at all edges, since all their codes are read for it."""
        if row.scope == Scope.IMAGE:
            return choose(self._connection, row.scope, row.subject)
        now = time.monotonic()
        self._drawn = {each: drawn for each, drawn in self._drawn.items() if now < drawn.until}
        if row not in self._drawn:
            choice = choose(self._connection, row.scope, row.subject)
            self._drawn[row] = _Drawn(now + _DRAWN_KEPT, choice)
        return self._drawn[row].choice

    def _rest(self, seconds: float) -> None:
        """Rest between two images of one ban, after a probe that took so many seconds of processor time."""
        self._halt.wait(self._rest_after(seconds))

    def _rest_after(self, seconds: float) -> float:
        return min(_LONGEST_REST, (_REST_LOADED if self._loaded() else _REST) * seconds)

    def _report(self, edge: Edge, row: Row, result: RowProbeResult) -> None:
        """Log images that are shown although they must not be, or may be, and put their purges into the outbox again.

        Once: the purge that is sent again is probed as well, and not sent a third time. Not for an image that is surely
        in the cache: a purge by one of its tags would hide that another one is lost.
        """
        for image in result.kept:
            if image.answer.verdict is Verdict.SHOWN:
                text = "edge %s still shows banned image %s (%s) after its acknowledgement"
                log.error(text, edge.name, image.code, ", ".join(image.answer.served))
            else:
                text = "edge %s is not proven to hide banned image %s (%s)"
                log.error(text, edge.name, image.code, image.answer.said)
            if row.cause != "resend" and not _in_cache(image):
                self._connection.run("resend_image", code=image.code)

    def _log_silence(self, edge: Edge, result: RowProbeResult) -> None:
        """Log once that an edge's public listener gives no answer, and once that it does again."""
        if result.silent and edge.name not in self._silent:
            self._silent.add(edge.name)
            log.warning("edge %s does not answer probes, which go on: %s", edge.name, result.probe_result.note)
        elif not result.silent and edge.name in self._silent:
            self._silent.discard(edge.name)
            log.info("edge %s answers probes again", edge.name)

    def _log_doubt(self, edge: Edge, row: Row, result: RowProbeResult) -> None:
        """Log once that an edge's answers prove nothing, and once that this is over.

        Others of its answers may prove something meanwhile: only the probe that was logged ends it.
        """
        if result.silent:
            return
        if result.again and edge not in self._unproven:
            self._unproven[edge] = row.id
            text = "edge %s does not prove that %s %s is gone, and is probed again later: %s"
            log.warning(text, edge.name, row.scope, row.subject, result.probe_result.note)
        elif not result.again and self._unproven.get(edge) == row.id:
            del self._unproven[edge]
            log.info("edge %s needs no further probe for %s %s", edge.name, row.scope, row.subject)


def _in_cache(image: KeptImage) -> bool:
    return image.answer.verdict is Verdict.SHOWN and not image.answer.fetched
