"""Keeps one edge true: a thread that takes one step after another, for ever."""

import logging
import threading
import time

from purger.backlog import Backlog
from purger.carrier import Carrier, RefusedPlanError
from purger.carrying import BATCH, Carrying
from purger.delivery import Answer, Delivery
from purger.errors import (
    DatabaseUnavailableError,
    DeliveryError,
    MalformedError,
    OtherInstanceError,
    SeveralInstancesError,
)
from purger.lease import Lease
from purger.model import Edge, FlushRequest, Position, Receipt, Sighting, Standing
from purger.plan import FLUSH, Request, affordable, late_flush
from purger.prober import Prober
from purger.problem import Problem
from purger.progress import Progress
from purger.queue import MalformedRowError, PrunedError
from purger.recorder import Recorder
from purger.retry import Backoff
from purger.settings import Settings
from purger.steps import Ask, Beat, Deliver, Flush, LateReflush, Rebound, Reflush, Step, Wait
from purger.watch import Watch

log = logging.getLogger(__name__)

#: Seconds between two heartbeats that go over a new connection: another varnishd at the address is found by it.
_RENEWAL = 5.0


class Worker(threading.Thread):
    """Delivers to one edge what the watch finds, and renews its lease."""

    def __init__(
        self, edge: Edge, standing: Standing, settings: Settings, watch: Watch, backlog: Backlog, recorder: Recorder,
        prober: Prober,
    ) -> None:  # fmt: skip
        super().__init__(name=f"edge {edge.name}", daemon=True)
        self.edge = edge
        self._watch = watch
        self._backlog = backlog
        self._recorder = recorder
        self._prober = prober
        self._settings = settings
        self._delivery = self._new_delivery(edge)
        self._delivers_to = edge
        self._renewed = time.monotonic()
        late = settings.later_rebound_delay, settings.last_rebound_delay
        self._progress = Progress(settings.rebound_delay, late, Lease(settings.heartbeat_interval))
        self._progress.resume(standing, now=time.monotonic())
        self._problem = Problem(log, f"edge {edge.name}")
        self._backoff = Backoff(settings.retry_first, settings.retry_longest)
        self._changes = Backoff(settings.retry_first, settings.retry_longest)
        self._wake = threading.Event()
        self._halt = threading.Event()
        self._interrupt = threading.Event()  # ends a pause after an error
        self._asked: FlushRequest | None = None
        self._setbacks = 0  # of the database, that this edge was flushed for
        self._pace = 0.0  # seconds for a request, smoothed
        self._held: tuple[list[Receipt], list[Sighting]] = ([], [])
        self._flushed_after: int | None = None  # the batch before all that a flush covered which was sent only once
        self._carrier = Carrier(backlog, self._send)
        self._delivering: Carrying | None = None
        self._rebounding: dict[int, Carrying] = {}  # by turn

    def stop(self) -> None:
        """Let the thread end after the request in flight."""
        self._halt.set()
        self._interrupt.set()
        self._wake.set()

    def follow(self, edge: Edge) -> None:
        """Go on with another URL or other files, after the request in flight. Progress stays, so nothing is flushed."""
        self.edge = edge
        self._interrupt.set()
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
            self._connect_anew()
            try:
                self._take(self._next_step())
            except OtherInstanceError as error:
                # Ask who and where it is now; the answer may lead to a flush.
                log.debug("edge %s: %s", self.edge.name, error)
                self._progress.confirmed = False
                self._interrupt.wait(self._changes.next())
            except DeliveryError as error:
                self._fail(error.kind, str(error))
            except DatabaseUnavailableError as error:
                # Something is needed of it that cannot be read now; the watch has logged why.
                self._interrupt.wait(self._backoff.next())
                log.debug("edge %s waits: %s", self.edge.name, error)
            except Exception:
                if self._fail("not understood", "this is a bug; the edge gets no heartbeat while it lasts"):
                    log.exception("edge %s", self.edge.name)
                self._progress.confirmed = False
        self._watch.unsubscribe(self._wake.set)
        self._delivery.close()

    def _new_delivery(self, edge: Edge) -> Delivery:
        return Delivery(
            edge, connect_timeout=self._settings.connect_timeout, read_timeout=self._settings.read_timeout
        )  # fmt: skip

    def _connect_anew(self) -> None:
        """Leave the listener of before where the edge has changed, and ask first who answers at the new one."""
        if self._delivers_to is self.edge:
            return
        self._delivers_to = self.edge
        self._interrupt.clear()
        if self._halt.is_set():
            self._interrupt.set()
        self._delivery.close()
        self._delivery = self._new_delivery(self._delivers_to)
        self._backoff.reset()
        self._progress.confirmed = False

    def _take(self, step: Step) -> None:
        match step:
            case Ask():
                self._ask(step)
            case Flush():
                self._flush(step)
            case Beat():
                self._beat(step.epoch)
            case Deliver():
                self._deliver(step)
            case Rebound():
                self._rebound(step)
            case Reflush():
                self._reflush()
            case LateReflush():
                self._send(late_flush(step.older))
                self._progress.reflushed_late()
            case Wait():
                self._wake.wait(step.seconds)

    def _next_step(self) -> Step:
        # In this order: the head is never older than the verification that it is held against.
        verification = self._watch.verification
        head = self._watch.place
        if self._setbacks != self._watch.setbacks:
            self._setbacks = self._watch.setbacks
            self._held = ([], [])
            self._progress.went_back(self._watch.pruned)
        self._progress.asked = self._asked
        return self._progress.next_step(head, self._watch.pruned, verification, time.monotonic())

    def _fail(self, kind: str, text: str) -> bool:
        news = self._problem.begin(kind, text)
        self._recorder.alive(self.edge.name, seen_at=None, epoch=None, problem=self._problem.text)
        self._interrupt.wait(self._backoff.next())
        return news

    def _send(self, request: Request) -> Answer:
        """Send one request, and see that it leaves the edge at the position that it should.

        One that was put back to an earlier state shows another; so does one that another purger has told more.
        """
        began = time.monotonic()
        answer = self._delivery.send(request, self._progress.instance)
        self._pace += (time.monotonic() - began - self._pace) / 8
        self._progress.heard(answer.now, at=time.monotonic())
        self._went_well()
        wanted = dict(request.headers).get(BATCH)
        expected = self._progress.position if wanted is None else Position.read(wanted)
        if self._progress.echoes and answer.position != expected:
            raise OtherInstanceError(f"it is at batch {answer.position}, and not at {expected}")
        if wanted is not None:
            self._progress.position = answer.position
        return answer

    def _went_well(self, epoch: str | None = None) -> None:
        self._backoff.reset()
        self._problem.end()
        self._recorder.alive(self.edge.name, seen_at=time.time(), epoch=epoch, problem=None)

    def _ask(self, step: Ask) -> None:
        if step.fresh:
            self._delivery.renew()
        same = self._progress.confirmed and not step.fresh
        answer = self._delivery.ask(self._progress.instance if same else None)
        now = time.monotonic()
        self._progress.heard(answer.now, at=now)
        self._progress.instances.answered(answer.instance, at=now, fresh=step.fresh)
        if several := self._progress.instances.several(now):
            raise SeveralInstancesError(
                f"varnishd {several[0]} and varnishd {several[1]} answer in turn at the purge URL, so neither hears of"
                " all purges: give each a URL of its own (`purger edge add`)"
            )
        position = answer.position
        known = position is None or position == self._progress.position or self._backlog.knows(position)
        if self._progress.confirmed and self._progress.lease.awaits_verification(now):
            self._progress.lease.heard = now
        else:
            self._heard(answer)
        self._progress.recognise(answer.instance, answer.epoch, position, known=known)
        self._went_well()

    def _beat(self, epoch: str) -> None:
        if time.monotonic() - self._renewed > _RENEWAL:
            self._delivery.renew()
            self._renewed = time.monotonic()
        progress = self._progress
        try:
            answer = self._delivery.heartbeat(str(progress.instance), epoch, progress.position)
        except MalformedError:
            # An epoch that the edge does not take, from its future perhaps: the next one is fresh.
            progress.confirmed = False
            raise
        if answer.position != progress.position:
            raise OtherInstanceError(f"it is at batch {answer.position}, and not at {progress.position}")
        self._changes.reset()
        progress.lease.beaten(at=time.monotonic())
        self._heard(answer)
        progress.recognise(answer.instance, answer.epoch, answer.position, known=True)
        self._went_well(epoch)

    def _heard(self, answer: Answer) -> None:
        self._progress.lease.answered(answer.now, at=time.monotonic(), ticket=self._watch.request())

    def _flush(self, step: Flush) -> None:
        first = self._progress.acknowledged + 1
        answer = self._send(FLUSH.naming(((BATCH, str(step.head)),)))
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
        # Without the batch before, so that it holds whatever the edge has been told since the first.
        at = self._progress.position
        self._send(FLUSH.naming(((BATCH, str(at)),) if at else ()))
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
            if not self._carrier.deliver(self.edge, carrying, self._progress.position):
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
                self._carrier.carry_out(self.edge, carrying, carrying.is_part())
            except RefusedPlanError:
                self._must_flush("a purge that it calls malformed must not block it")
            return
        del self._rebounding[step.turn]
        self._progress.rebounds[step.turn].sent(carrying.plan.last)
        self._record()

    def _plan(self, after: int, head: int, *, late: bool = False) -> Carrying | None:
        """Plan batches; None when the outbox lacks them. The edge is then flushed, but not for a late rebound."""
        try:
            return self._carrier.plan(after, head, affordable(self._pace))
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
