"""Keeps one edge true: a thread that takes one step after another, for ever."""

import logging
import threading
import time

from purger.backlog import Backlog
from purger.carrier import Carrier, RefusedPlanError
from purger.carrying import BATCH, Carrying, part_of
from purger.conversation import Conversation
from purger.errors import DatabaseUnavailableError, DeliveryError
from purger.lease import Lease
from purger.model import Edge, FlushRequest, Receipt, Sighting, Standing
from purger.plan import FLUSH, SINGLES, affordable, late_flush
from purger.prober import Prober
from purger.progress import Progress
from purger.queue import MalformedRowError, PrunedError
from purger.recorder import Recorder
from purger.settings import Settings
from purger.steps import Ask, Beat, Deliver, Flush, LateReflush, Rebound, Reflush, Step, Wait
from purger.watch import Watch

log = logging.getLogger(__name__)


class Worker(threading.Thread):
    """Delivers to one edge what the watch finds, and renews its lease."""

    def __init__(
        self, edge: Edge, standing: Standing, settings: Settings, watch: Watch, backlog: Backlog, recorder: Recorder,
        prober: Prober,
    ) -> None:  # fmt: skip
        super().__init__(name=f"edge {edge.name}", daemon=True)
        self.edge = edge
        self._watch = watch
        self._recorder = recorder
        self._prober = prober
        late = settings.later_rebound_delay, settings.last_rebound_delay
        self._progress = Progress(settings.rebound_delay, late, Lease(settings.heartbeat_interval))
        self._progress.resume(standing, now=time.monotonic())
        self._talk = Conversation(edge, settings, self._progress, recorder, backlog.knows)
        self._wake = threading.Event()
        self._halt = threading.Event()
        self._asked: FlushRequest | None = None
        self._setbacks = 0  # of the database, that this edge was flushed for
        self._held: tuple[list[Receipt], list[Sighting]] = ([], [])
        self._flushed_after: int | None = None  # the batch before all that a flush covered which was sent only once
        self._carrier = Carrier(backlog, self._talk.send, lambda: self._progress.position)
        self._delivering: Carrying | None = None
        self._rebounding: dict[int, Carrying] = {}  # by turn

    def stop(self) -> None:
        """Let the thread end after the request in flight."""
        self._halt.set()
        self._talk.interrupt()
        self._wake.set()

    def follow(self, edge: Edge) -> None:
        """Go on with another URL or other files, after the request in flight. Progress stays, so nothing is flushed."""
        self.edge = edge
        self._talk.interrupt()
        self._wake.set()

    def ask_flush(self, asked: FlushRequest | None) -> None:
        """Have the edge flushed as its operator asks; None: nothing is asked for."""
        if asked != self._asked:
            self._asked = asked
            self._wake.set()

    def run(self) -> None:
        """Take steps until stopped."""
        self._watch.subscribe(self._wake.set)
        while not self._halt.is_set():
            self._wake.clear()
            self._talk.move_to(self.edge)
            if self._halt.is_set():
                break
            try:
                self._take(self._next_step())
            except DeliveryError as error:
                self._talk.failed(error)
            except DatabaseUnavailableError as error:
                # Something is needed of it that cannot be read now; the watch has logged why.
                log.debug("edge %s waits: %s", self.edge.name, error)
                self._talk.rest()
            except Exception:
                if self._talk.in_trouble("not understood", "this is a bug; the edge gets no heartbeat while it lasts"):
                    log.exception("edge %s", self.edge.name)
                self._progress.confirmed = False
        self._watch.unsubscribe(self._wake.set)
        self._talk.close()

    def _take(self, step: Step) -> None:
        match step:
            case Ask():
                self._talk.ask(fresh=step.fresh, ticket=self._watch.request)
            case Flush():
                self._flush(step)
            case Beat():
                self._talk.beat(step.epoch, ticket=self._watch.request)
            case Deliver():
                self._deliver(step)
            case Rebound():
                self._rebound(step)
            case Reflush():
                self._reflush()
            case LateReflush():
                self._talk.send(late_flush(step.older))
                self._progress.reflushed_late()
            case Wait():
                self._wake.wait(step.seconds)

    def _next_step(self) -> Step:
        # In this order: the head is never older than the verification that it is held against.
        verification = self._watch.verification
        head, setbacks = self._watch.known
        if self._setbacks != setbacks:
            self._setbacks = setbacks
            self._held = ([], [])
            self._progress.went_back(self._watch.pruned)
        self._progress.asked = self._asked
        return self._progress.next_step(head, self._watch.pruned, verification, time.monotonic())

    def _flush(self, step: Flush) -> None:
        first = self._progress.acknowledged + 1
        answer = self._talk.send(FLUSH.naming(((BATCH, str(step.head)),)))
        log.warning("edge %s is flushed: %s", self.edge.name, step.reason)
        if self._flushed_after is None or first <= self._flushed_after:
            self._flushed_after = first - 1
        self._delivering = None
        self._rebounding.clear()
        self._carrier.begin_anew()
        self._progress.flushed(step, clock=answer.now, at=time.monotonic())
        if first <= step.head.batch:
            self._held[0].append(self._receipt(first, step.head.batch, "flush"))

    def _reflush(self) -> None:
        # As a part, since it must not set back what the edge has been told since the first.
        self._talk.send(FLUSH.naming(part_of(self._progress.acknowledged, self._progress.position)))
        self._progress.reflush_due = None
        self._record(flushed=True)
        if self._flushed_after is not None and self._flushed_after < self._progress.acknowledged:
            self._prober.offer_flushed(
                self.edge, self._flushed_after, self._progress.acknowledged, setbacks=self._setbacks
            )
        self._flushed_after = None

    def _deliver(self, step: Deliver) -> None:
        if self._delivering is None or self._delivering.plan.first != step.after + 1:
            self._delivering = self._plan(step.after, step.head)
        carrying = self._delivering
        if carrying is None:
            return
        try:
            if not self._carrier.deliver(self.edge, carrying):
                return
        except RefusedPlanError:
            self._must_flush("a purge that it calls malformed must not block it")
            return
        finally:
            self._held[1].extend(self._carrier.take_sightings())
        plan, self._delivering = carrying.plan, None
        self._progress.delivered(plan.last, at=time.monotonic())
        self._held[0].append(self._receipt(plan.first, plan.last, plan.method))
        self._held[1].extend(carrying.sightings)
        self._record()
        self._prober.offer(self.edge, plan.sample, setbacks=self._setbacks)

    def _rebound(self, step: Rebound) -> None:
        carrying = self._rebounding.get(step.turn) or self._plan(step.after, step.last, late=step.turn > 0)
        if carrying is None:
            # No flush for what is past its retention, and was sent twice.
            self._progress.rebounds[step.turn].sent(step.last)
            return
        self._rebounding[step.turn] = carrying
        if carrying.requests:
            # One request a step, so that a first delivery need not wait for the rest.
            try:
                self._carrier.carry_out(self.edge, carrying)
            except RefusedPlanError:
                self._must_flush("a purge that it calls malformed must not block it")
            return
        del self._rebounding[step.turn]
        self._progress.rebounds[step.turn].sent(carrying.plan.last)
        self._record()

    def _plan(self, after: int, head: int, *, late: bool = False) -> Carrying | None:
        """Plan batches; None when the outbox lacks them. The edge is then flushed, but not for a late rebound."""
        requests = affordable(self._talk.pace)
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
        if standing := self._progress.standing():
            receipts, sightings = self._held
            self._held = ([], [])
            self._recorder.acknowledged(
                self.edge.name,
                standing,
                flushed=flushed,
                receipts=receipts,
                sightings=sightings,
                setbacks=self._setbacks,
            )
