"""Looks for banned images at the edges that have acknowledged their purge, without delaying any delivery."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from purger.backoff import Backoff
from purger.edge_renditions import KnownRenditions
from purger.model import Edge, Row, probe_result_of
from purger.probe import Probe
from purger.probe_schedule import BatchRange, ProbeSchedule
from purger.recorder import Recorder
from purger.row_probe import SECONDS_AT_AN_OWNER, Choice, RowProbeResult, choose, probe_row
from takedown_db.connection import Connection
from takedown_db.errors import DatabaseUnavailableError

log = logging.getLogger(__name__)

#: Bans looked for after a flush: the newest that stand.
_AFTER_FLUSH = 20

#: Bans looked for at an edge that this process begins to follow, and the hours since they were numbered.
_UNSEEN = 200
_UNSEEN_HOURS = 1

#: The thread rests this many times as long as it looked: it shares the interpreter with the deliveries.
_REST = 3.0

#: Seconds for which the images that were drawn for a ban on an owner are looked at: each edge has its look soon.
_DRAWN_KEPT = 60.0


class Prober(threading.Thread):
    """Looks until something was seen, however often the database or an edge is away, and has it recorded."""

    def __init__(
        self,
        connection: Connection,
        probe: Probe,
        recorder: Recorder,
        stop: threading.Event,
        *,
        setbacks: Callable[[], int],
    ) -> None:
        """``setbacks`` counts how often the database was found to have gone back: looks from before are dropped."""
        super().__init__(name="prober", daemon=True)
        self._connection = connection
        self._probe = probe
        self._recorder = recorder
        self._halt = stop
        self._setbacks = setbacks
        self._schedule = ProbeSchedule()
        self._backoff = Backoff(0.5, 2.0)  # while the database is away
        self._silent: set[str] = set()  # edges whose last look got no answer
        self._unproven: dict[Edge, int] = {}  # by edge the row of the first look whose answer proved nothing
        self._renditions = KnownRenditions()
        self._drawn: dict[Row, tuple[float, Choice]] = {}  # of owners; each until a time

    def follow(self, edges: Iterable[tuple[Edge, int]]) -> None:
        """Look at these edges alone from now on, each with the last batch that it is known to have acknowledged.

        What a new one acknowledged within the last hour, perhaps to a purger that was killed, is looked for as well.
        """
        setbacks = self._setbacks()
        acknowledged = dict(edges)
        for edge in self._schedule.follow(acknowledged):
            self._put(edge, [BatchRange(0, acknowledged[edge], _UNSEEN, _UNSEEN_HOURS)], setbacks)

    def offer(self, edge: Edge, rows: Iterable[Row], *, setbacks: int = 0) -> None:
        """Look for ``rows`` at ``edge``, which has acknowledged them, when there is time for it. Returns at once.

        Dropped when the database has gone back more often than ``setbacks`` times.
        """
        self._put(edge, rows, setbacks, at_once=True)

    def offer_flushed(self, edge: Edge, after: int, last: int, *, setbacks: int = 0) -> None:
        """Look for the newest bans of the batches after ``after`` up to ``last``, which a flush of ``edge`` covered."""
        self._put(edge, [BatchRange(after, last, _AFTER_FLUSH)], setbacks, at_once=True)

    def run(self) -> None:
        """Look until stopped."""
        while not self._halt.is_set():
            began = time.monotonic()
            self._schedule.begin_anew(self._setbacks())
            if task := self._schedule.take(began):
                self._halt.wait(self._carry_out(*task, began))
            else:
                self._halt.wait(0.1)
        self._probe.close()
        self._connection.close()

    def _carry_out(self, edge: Edge, task: Row | BatchRange, setbacks: int, began: float) -> float:
        """Take one look; the seconds to rest after it."""
        try:
            if isinstance(task, BatchRange):
                self._read(edge, task, setbacks)
            else:
                self._look(edge, task, setbacks)
        except DatabaseUnavailableError as error:
            log.debug("not looked: %s", error)  # the watch has said so
            self._schedule.put_back(edge.name, task, setbacks=setbacks)
            return self._backoff.next()
        except Exception:
            log.exception("while looking at edge %s", edge.name)
        self._backoff.reset()
        return min(1.0, _REST * (time.monotonic() - began))

    def _read(self, edge: Edge, batches: BatchRange, setbacks: int) -> None:
        rows = self._connection.rows(
            "bans_to_probe",
            edge=edge.name,
            after=batches.after,
            last=batches.last,
            hours=batches.hours,
            limit=batches.limit,
        )
        self._put(edge, [Row(*row) for row in rows], setbacks)

    def _look(self, edge: Edge, row: Row, setbacks: int) -> None:
        choice = replace(
            self._choose(row),
            renditions=self._renditions.of(edge),
            seconds=SECONDS_AT_AN_OWNER,
            between=self._rest,
        )
        finding = probe_row(self._connection, self._probe, edge, row, choice)
        if finding.kept:
            self._report(edge, row, finding)
        for probe_result in (*finding.parts, finding.probe_result):
            self._recorder.seen(probe_result, setbacks=setbacks)
        self._tell(edge, row, finding)
        if finding.again:
            self._schedule.saw_nothing(edge.name, row, now=time.monotonic(), setbacks=setbacks)
        else:
            self._schedule.went_well(edge.name)

    def _choose(self, row: Row) -> Choice:
        """Choose the images to look at: of an owner the same ones at all edges, since all his codes are read for it."""
        if row.scope != "owner":
            return choose(self._connection, row.scope, row.subject)
        now = time.monotonic()
        self._drawn = {each: drawn for each, drawn in self._drawn.items() if now < drawn[0]}
        if row not in self._drawn:
            self._drawn[row] = now + _DRAWN_KEPT, choose(self._connection, row.scope, row.subject)
        return self._drawn[row][1]

    def _rest(self, seconds: float) -> None:
        """Rest between two images of an owner, after a look of so many seconds."""
        self._halt.wait(min(1.0, _REST * seconds))

    def _report(self, edge: Edge, row: Row, finding: RowProbeResult) -> None:
        """Log images that are shown although they must not be, or may be, and put their purges into the outbox again.

        Once: the purge that is sent again is looked at as well, and not sent a third time.
        """
        for code, look in ((each.code, each.look) for each in finding.kept):
            if look.served:
                text = "edge %s still shows banned image %s (%s) after its acknowledgement"
                log.error(text, edge.name, code, ", ".join(look.served))
            else:
                log.error("edge %s is not proven to hide banned image %s (%s)", edge.name, code, look.said)
            if row.cause != "resend":
                self._connection.run("resend_image", code=code)

    def _tell(self, edge: Edge, row: Row, finding: RowProbeResult) -> None:
        """Log once that an edge gives no answer, or one that proves nothing, and once that it is over.

        Others of its answers may prove something meanwhile: only the look that was logged ends the second.
        """
        silent = finding.again and finding.probe_result.status is None
        if silent and edge.name not in self._silent:
            self._silent.add(edge.name)
            log.warning("edge %s cannot be looked at, and will be later: %s", edge.name, finding.probe_result.note)
        elif not silent and edge.name in self._silent:
            self._silent.discard(edge.name)
            log.info("edge %s can be looked at again", edge.name)
        if silent:
            return
        if finding.again and edge not in self._unproven:
            self._unproven[edge] = row.id
            text = "edge %s does not prove that %s %s is gone, and is looked at again later: %s"
            log.warning(text, edge.name, row.scope, row.subject, finding.probe_result.note)
        elif not finding.again and self._unproven.get(edge) == row.id:
            del self._unproven[edge]
            log.info("edge %s does no longer leave open whether %s %s is gone", edge.name, row.scope, row.subject)

    def _put(self, edge: Edge, tasks: Iterable[Row | BatchRange], setbacks: int, *, at_once: bool = False) -> None:
        """Add looks at an edge, and note those that had to make room, at whichever edge."""
        for at, task in self._schedule.put(edge.name, tasks, at_once=at_once, setbacks=setbacks):
            if isinstance(task, Row):
                note = f"not looked at: {len(self._schedule)} looks were waiting"
                self._recorder.seen(probe_result_of(at, task, note=note), setbacks=setbacks)
