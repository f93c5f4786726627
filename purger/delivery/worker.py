"""Delivers batches, heartbeats and flushes to one edge: a thread that takes one step after another.

The thread waits until the poller finds something, or until something is due. ``Progress`` chooses each step, which is
carried out here: ``EdgeSession`` sends its requests, the recorder writes the outcome. A step sends one request of a
plan, so that heartbeats and rebounds come between those of a bulk when they are due, and single bans before each.
"""

import logging
import threading
import time
from collections.abc import Callable

from purger.delivery.plan_run import PlanRun, RefusedPlanError, urgent_run
from purger.delivery.session import EdgeMode, EdgeSession
from purger.edge.errors import DeliveryError
from purger.edge.purge_request import FLUSH, at_position, late_flush, part_of
from purger.edge.tally import Tally
from purger.model import Edge, FlushRequest, SavedProgress, Verification
from purger.outbox.batches import Batches
from purger.outbox.outbox import MalformedRowError, PrunedError
from purger.outbox.poller import Poller
from purger.probing.probers import Probers
from purger.progress.lease import Lease
from purger.progress.progress import Progress
from purger.progress.steps import Ask, Deliver, Flush, FlushRebound, Heartbeat, LateFlushRebound, Rebound, Step, Wait
from purger.records.recorder import EdgeResults, Recorder
from purger.settings import Settings
from takedown_db.connection.errors import DatabaseUnavailableError

log = logging.getLogger(__name__)


class Worker(threading.Thread):
    """Delivers the batches that the poller finds to one edge, and renews the edge's lease."""

    def __init__(
        self,
        edge: Edge,
        saved: SavedProgress,
        settings: Settings,
        poller: Poller,
        batches: Batches,
        recorder: Recorder,
        probers: Probers,
        holds: Callable[[], bool] = lambda: True,
        tally: Tally | None = None,
    ) -> None:
        """Begin with the ``saved`` progress. ``tally`` counts requests.

        While ``holds`` returns False another purger may have taken the edge over: then only rebounds go on.
        """
        super().__init__(name=f"edge {edge.name}", daemon=True)
        self.edge = edge
        self._poller = poller
        self._record = EdgeResults(recorder)
        self._probers = probers
        self._holds = holds
        late = settings.later_rebound_delay, settings.last_rebound_delay
        self._progress = Progress(settings.rebound_delay, late, Lease(settings.heartbeat_interval))
        self._progress.resume(saved, now=time.monotonic())
        self._session = EdgeSession(edge, settings, self._progress, recorder, batches.knows, tally)
        self._wake = threading.Event()
        self._verification: Verification | None = None  # that the present step was chosen by
        self._halt = threading.Event()
        self._asked: FlushRequest | None = None
        self._setbacks = 0  # of the database, that this edge was flushed for
        self._flushed_after: int | None = None  # the batch before those of a flush whose rebound is still to come
        self._batches = batches
        self._delivering: PlanRun | None = None
        self._urgent = 0  # the batch up to which urgent bans were sent out of turn
        self._rebounding: dict[int, PlanRun] = {}  # by turn

    @property
    def acknowledged(self) -> int:
        """The last batch that the edge has acknowledged."""
        return self._progress.acknowledged

    @property
    def mode(self) -> EdgeMode:
        """The edge's mode and lease, as it last named them."""
        return self._session.mode

    def stop(self) -> None:
        """Let the thread end after the request in flight."""
        self._halt.set()
        self._session.interrupt()
        self._wake.set()

    def follow(self, edge: Edge) -> None:
        """Use another URL or other files after the request in flight. Progress stays, so the edge is not flushed."""
        self.edge = edge
        self._session.interrupt()
        self._wake.set()

    def ask_flush(self, asked: FlushRequest | None) -> None:
        """Have the edge flushed, as its operator asks; None: nobody asks."""
        if asked != self._asked:
            self._asked = asked
            self._wake.set()

    def run(self) -> None:
        """Take steps until stopped."""
        self._poller.subscribe(self._wake.set)
        while not self._halt.is_set():
            self._wake.clear()
            self._session.move_to(self.edge)
            if self._halt.is_set():
                break
            try:
                self._take(self._next_step())
            except DeliveryError as error:
                self._session.failed(error)
            except RefusedPlanError as error:
                self._progress.require_flush(str(error))
            except DatabaseUnavailableError as error:
                # The step needs rows that cannot be read now; the poller has logged why.
                log.debug("edge %s waits: %s", self.edge.name, error)
                self._session.rest()
            except Exception:
                text = "this is a bug; the edge gets no heartbeat while it lasts"
                if self._session.in_trouble("not understood", text):
                    log.exception("edge %s", self.edge.name)
                self._progress.doubt()
        self._poller.unsubscribe(self._wake.set)
        self._session.close()

    def _take(self, step: Step) -> None:
        match step:
            case Ask():
                self._session.ask(fresh=step.fresh, ticket=self._poller.draw_ticket)
            case Flush():
                self._flush(step)
            case Heartbeat():
                self._session.send_heartbeat(step.epoch, ticket=self._poller.draw_ticket)
            case Deliver():
                self._deliver(step)
            case Rebound():
                self._rebound(step)
            case FlushRebound():
                self._rebound_flush()
            case LateFlushRebound():
                self._session.send(late_flush(step.older))
                self._progress.late_flush_rebounded()
            case Wait():
                self._wait(step)

    def _next_step(self) -> Step:
        # In this order: the head is never older than the verification that it is compared with.
        self._verification = self._poller.verification
        head, setbacks = self._poller.known
        if self._setbacks != setbacks:
            self._setbacks = setbacks
            self._urgent = 0
            self._record.drop()
            self._progress.went_back(self._poller.pruned)
        self._progress.ask_flush(self._asked)
        verification = self._verification
        if not self._holds():
            head = verification = None
        return self._progress.next_step(head, self._poller.pruned, verification, time.monotonic())

    def _wait(self, step: Wait) -> None:
        if step.for_verification:
            self._poller.on_next_verification(self._wake.set, after=self._verification)
        self._wake.wait(step.seconds)

    def _flush(self, step: Flush) -> None:
        first = self._progress.acknowledged + 1
        answer = self._session.send(FLUSH.with_headers(at_position(step.head)))
        log.warning("edge %s is flushed: %s", self.edge.name, step.reason)
        if self._flushed_after is None or first <= self._flushed_after:
            self._flushed_after = first - 1
        self._delivering = None
        self._rebounding.clear()
        self._progress.flushed(step, clock=answer.now, at=time.monotonic())
        if first <= step.head.batch:
            self._add_receipt(first, step.head.batch, "flush")

    def _rebound_flush(self) -> None:
        # Without moving the position: that would go back behind the batches that were delivered since the flush.
        self._session.send(FLUSH.with_headers(part_of(self._progress.acknowledged, self._progress.position)))
        self._progress.flush_rebounded()
        self._write_record(flushed=True)
        after, last = self._flushed_after, self._progress.acknowledged
        if after is not None and after < last:
            self._probers.offer_flushed(self.edge, after, last, setbacks=self._setbacks)
        self._flushed_after = None

    def _deliver(self, step: Deliver) -> None:
        if self._delivering is None or self._delivering.plan.first != step.after + 1:
            self._delivering = self._plan(step.after, step.head)
        plan_run = self._delivering
        if plan_run is None:
            return
        if len(plan_run.requests) > 1:
            self._send_urgent(plan_run.plan.last)
        if plan_run.requests:
            plan_run.send_next(self._session, moves=True)
        if plan_run.requests:
            return
        plan, self._delivering = plan_run.plan, None
        self._progress.delivered(plan.last, at=time.monotonic())
        self._add_receipt(plan.first, plan.last, "purge")
        self._record.add_probe_results(plan_run.probe_results)
        self._write_record()
        self._probers.offer(self.edge, plan.sample, setbacks=self._setbacks)

    def _send_urgent(self, after: int) -> None:
        """Send the single bans of batches after ``after`` that came since the last call, before their turn."""
        if self._holds() and (rows := self._batches.urgent(max(after, self._urgent))):
            plan_run = urgent_run(rows)
            while plan_run.requests:
                plan_run.send_next(self._session)
            self._urgent = rows[-1].batch
            self._record.add_probe_results(plan_run.probe_results)

    def _rebound(self, step: Rebound) -> None:
        plan_run = self._rebounding.get(step.turn) or self._plan(step.after, step.last, late=step.turn > 0)
        if plan_run is None:
            # Rows past their retention were sent twice already: no flush is needed instead of this late rebound.
            self._progress.rebounded(step.turn, step.last)
            return
        self._rebounding[step.turn] = plan_run
        if plan_run.requests:
            self._send_urgent(self._delivering.plan.last if self._delivering else self._progress.acknowledged)
            plan_run.send_next(self._session)
        if plan_run.requests:
            return
        del self._rebounding[step.turn]
        self._progress.rebounded(step.turn, plan_run.plan.last)
        self._write_record()

    def _plan(self, after: int, head: int, *, late: bool = False) -> PlanRun | None:
        """Plan batches; return None when the outbox lacks them.

        The edge is then flushed, but not instead of a late rebound.
        """
        try:
            return PlanRun(self._batches.plan(after, head))
        except PrunedError:
            reason = "the outbox no longer holds the rows that it lacks"
        except MalformedRowError as error:
            reason = f"no purge can be made of a row that it lacks: {error}"
        if not late:
            self._progress.require_flush(reason)
        return None

    def _add_receipt(self, first: int, last: int, method: str) -> None:
        self._record.add_receipt(self.edge.name, self._progress.instance, first, last, method)

    def _write_record(self, *, flushed: bool = False) -> None:
        self._record.write(self.edge.name, self._progress.saved(), flushed=flushed, setbacks=self._setbacks)
