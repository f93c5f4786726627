"""Keeps one edge true: a thread that takes one step after another, for ever."""

import logging
import threading
import time

from purger.batches import Batches
from purger.edge_session import EdgeSession
from purger.errors import DeliveryError
from purger.lease import Lease
from purger.model import Edge, FlushRequest, ProbeResult, Receipt, SavedProgress
from purger.outbox import MalformedRowError, PrunedError
from purger.plan import FLUSH, SINGLES, affordable, late_flush
from purger.plan_run import BATCH, PlanRun, part_of
from purger.plan_sender import PlanSender, RefusedPlanError
from purger.poller import Poller
from purger.prober import Prober
from purger.progress import Progress
from purger.recorder import Recorder
from purger.settings import Settings
from purger.steps import Ask, Deliver, Flush, FlushRebound, Heartbeat, LateFlushRebound, Rebound, Step, Wait
from takedown_db.errors import DatabaseUnavailableError

log = logging.getLogger(__name__)


class Worker(threading.Thread):
    """Delivers to one edge what the watch finds, and renews its lease."""

    def __init__(
        self,
        edge: Edge,
        saved: SavedProgress,
        settings: Settings,
        poller: Poller,
        batches: Batches,
        recorder: Recorder,
        prober: Prober,
    ) -> None:
        super().__init__(name=f"edge {edge.name}", daemon=True)
        self.edge = edge
        self._poller = poller
        self._recorder = recorder
        self._prober = prober
        late = settings.later_rebound_delay, settings.last_rebound_delay
        self._progress = Progress(settings.rebound_delay, late, Lease(settings.heartbeat_interval))
        self._progress.resume(saved, now=time.monotonic())
        self._session = EdgeSession(edge, settings, self._progress, recorder, batches.knows)
        self._wake = threading.Event()
        self._halt = threading.Event()
        self._asked: FlushRequest | None = None
        self._setbacks = 0  # of the database, that this edge was flushed for
        self._held: tuple[list[Receipt], list[ProbeResult]] = ([], [])
        self._flushed_after: int | None = None  # the batch before all that a flush covered which was sent only once
        self._carrier = PlanSender(batches, self._session.send, lambda: self._progress.position)
        self._delivering: PlanRun | None = None
        self._rebounding: dict[int, PlanRun] = {}  # by turn

    def stop(self) -> None:
        """Let the thread end after the request in flight."""
        self._halt.set()
        self._session.interrupt()
        self._wake.set()

    def follow(self, edge: Edge) -> None:
        """Go on with another URL or other files, after the request in flight. Progress stays, so nothing is flushed."""
        self.edge = edge
        self._session.interrupt()
        self._wake.set()

    def ask_flush(self, asked: FlushRequest | None) -> None:
        """Have the edge flushed as its operator asks; None: nothing is asked for."""
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
            except DatabaseUnavailableError as error:
                # Something is needed of it that cannot be read now; the watch has logged why.
                log.debug("edge %s waits: %s", self.edge.name, error)
                self._session.rest()
            except Exception:
                if self._session.in_trouble(
                    "not understood", "this is a bug; the edge gets no heartbeat while it lasts"
                ):
                    log.exception("edge %s", self.edge.name)
                self._progress.confirmed = False
        self._poller.unsubscribe(self._wake.set)
        self._session.close()

    def _take(self, step: Step) -> None:
        match step:
            case Ask():
                self._session.ask(fresh=step.fresh, ticket=self._poller.request)
            case Flush():
                self._flush(step)
            case Heartbeat():
                self._session.send_heartbeat(step.epoch, ticket=self._poller.request)
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
                self._wake.wait(step.seconds)

    def _next_step(self) -> Step:
        # In this order: the head is never older than the verification that it is held against.
        verification = self._poller.verification
        head, setbacks = self._poller.known
        if self._setbacks != setbacks:
            self._setbacks = setbacks
            self._held = ([], [])
            self._progress.went_back(self._poller.pruned)
        self._progress.asked = self._asked
        return self._progress.next_step(head, self._poller.pruned, verification, time.monotonic())

    def _flush(self, step: Flush) -> None:
        first = self._progress.acknowledged + 1
        answer = self._session.send(FLUSH.naming(((BATCH, str(step.head)),)))
        log.warning("edge %s is flushed: %s", self.edge.name, step.reason)
        if self._flushed_after is None or first <= self._flushed_after:
            self._flushed_after = first - 1
        self._delivering = None
        self._rebounding.clear()
        self._carrier.begin_anew()
        self._progress.flushed(step, clock=answer.now, at=time.monotonic())
        if first <= step.head.batch:
            self._held[0].append(self._receipt(first, step.head.batch, "flush"))

    def _rebound_flush(self) -> None:
        # As a part, since it must not set back what the edge has been told since the first.
        self._session.send(FLUSH.naming(part_of(self._progress.acknowledged, self._progress.position)))
        self._progress.flush_rebound_due = None
        self._record(flushed=True)
        if self._flushed_after is not None and self._flushed_after < self._progress.acknowledged:
            self._prober.offer_flushed(
                self.edge, self._flushed_after, self._progress.acknowledged, setbacks=self._setbacks
            )
        self._flushed_after = None

    def _deliver(self, step: Deliver) -> None:
        if self._delivering is None or self._delivering.plan.first != step.after + 1:
            self._delivering = self._plan(step.after, step.head)
        plan_run = self._delivering
        if plan_run is None:
            return
        try:
            if not self._carrier.deliver(self.edge, plan_run):
                return
        except RefusedPlanError:
            self._must_flush("a purge that it calls malformed must not block it")
            return
        finally:
            self._held[1].extend(self._carrier.take_probe_results())
        plan, self._delivering = plan_run.plan, None
        self._progress.delivered(plan.last, at=time.monotonic())
        self._held[0].append(self._receipt(plan.first, plan.last, plan.method))
        self._held[1].extend(plan_run.probe_results)
        self._record()
        self._prober.offer(self.edge, plan.sample, setbacks=self._setbacks)

    def _rebound(self, step: Rebound) -> None:
        plan_run = self._rebounding.get(step.turn) or self._plan(step.after, step.last, late=step.turn > 0)
        if plan_run is None:
            # No flush for what is past its retention, and was sent twice.
            self._progress.rebounds[step.turn].sent(step.last)
            return
        self._rebounding[step.turn] = plan_run
        if plan_run.requests:
            # One request a step, so that a first delivery need not wait for the rest.
            try:
                self._carrier.carry_out(self.edge, plan_run)
            except RefusedPlanError:
                self._must_flush("a purge that it calls malformed must not block it")
            return
        del self._rebounding[step.turn]
        self._progress.rebounds[step.turn].sent(plan_run.plan.last)
        self._record()

    def _plan(self, after: int, head: int, *, late: bool = False) -> PlanRun | None:
        """Plan batches; None when the outbox lacks them. The edge is then flushed, but not for a late rebound."""
        requests = affordable(self._session.pace)
        if late:
            # Each answer of the origin has seen these batches by now: the fence refuses none for a list of mixed codes.
            # A list for each last character would follow a steady stream with as many BANs as it had purges, and every
            # hit has to pass each of them.
            requests = min(requests, SINGLES)
        try:
            return self._carrier.plan(after, head, requests)
        except PrunedError:
            reason = "the outbox no longer holds what it has to be told"
        except MalformedRowError as error:
            reason = f"no purge can be made of what it has to be told: {error}"
        if not late:
            self._must_flush(reason)
        return None

    def _must_flush(self, reason: str) -> None:
        self._progress.must_flush = reason

    def _receipt(self, first: int, last: int, method: str) -> Receipt:
        return Receipt(self.edge.name, first, last, method, str(self._progress.instance), time.time())

    def _record(self, *, flushed: bool = False) -> None:
        """Hand progress and receipts on, unless a flush has yet to be sent again: then both wait for that."""
        if saved := self._progress.saved():
            receipts, probe_results = self._held
            self._held = ([], [])
            self._recorder.acknowledged(
                self.edge.name,
                saved,
                flushed=flushed,
                receipts=receipts,
                probe_results=probe_results,
                setbacks=self._setbacks,
            )
