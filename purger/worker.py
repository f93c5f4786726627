"""Keeps one edge true: a thread that takes one step after another, for ever."""

import logging
import threading
import time

from purger.backlog import Backlog
from purger.carrying import Carrying
from purger.delivery import Answer, Delivery
from purger.errors import DatabaseUnavailableError, DeliveryError, MalformedError, OtherInstanceError
from purger.lease import Lease
from purger.model import Edge, FlushRequest, Receipt, Sighting, Standing, sighting_of
from purger.plan import DELIVERY, FLUSH, Request, affordable
from purger.prober import Prober
from purger.problem import Problem
from purger.progress import Ask, Beat, Deliver, Flush, Progress, Rebound, Reflush, Step, Wait
from purger.queue import MalformedRowError, PrunedError
from purger.recorder import Recorder
from purger.retry import Backoff
from purger.settings import Settings
from purger.singles import Singles
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
        self._backlog = backlog
        self._recorder = recorder
        self._prober = prober
        self._settings = settings
        self._delivery = self._new_delivery(edge)
        self._delivers_to = edge
        self._progress = Progress(settings.rebound_delay, Lease(settings.heartbeat_interval))
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
        self._delivering: Carrying | None = None
        self._rebounding: Carrying | None = None
        self._singles = Singles(backlog)
        self._knows_owner_lists = True  # edges of version 0.1 do not

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
            except OtherInstanceError:
                # Ask who it is now; the answer leads to a flush. Two edges behind one address would do so for ever.
                self._progress.confirmed = False
                self._interrupt.wait(self._changes.next())
            except DeliveryError as error:
                self._fail(error.kind, str(error))
            except DatabaseUnavailableError as error:
                # Older rows are needed that cannot be read now; the watch has logged why.
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
                self._ask()
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
            case Wait():
                self._wake.wait(step.seconds)

    def _next_step(self) -> Step:
        # In this order: the head is never older than the verification that it is held against.
        verification = self._watch.verification
        head = self._watch.head
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
        began = time.monotonic()
        answer = self._delivery.send(request, self._progress.instance)
        self._pace += (time.monotonic() - began - self._pace) / 8
        self._went_well()
        return answer

    def _went_well(self, epoch: str | None = None) -> None:
        self._backoff.reset()
        self._problem.end()
        self._recorder.alive(self.edge.name, seen_at=time.time(), epoch=epoch, problem=None)

    def _ask(self) -> None:
        same = self._progress.confirmed
        answer = self._delivery.ask(self._progress.instance if same else None)
        if same and self._progress.lease.awaits_verification(time.monotonic()):
            self._progress.lease.heard = time.monotonic()
        else:
            self._heard(answer)
        self._progress.recognise(answer.instance, answer.epoch)
        self._went_well()

    def _beat(self, epoch: str) -> None:
        try:
            answer = self._delivery.heartbeat(str(self._progress.instance), epoch)
        except MalformedError:
            # An epoch that the edge does not take, from its future perhaps: the next one is fresh.
            self._progress.confirmed = False
            raise
        self._changes.reset()
        self._progress.lease.beaten(at=time.monotonic())
        self._heard(answer)
        self._went_well(epoch)

    def _heard(self, answer: Answer) -> None:
        self._progress.lease.answered(answer.now, at=time.monotonic(), ticket=self._watch.request())

    def _flush(self, step: Flush) -> None:
        first = self._progress.acknowledged + 1
        self._send(FLUSH)
        log.warning("edge %s is flushed: %s", self.edge.name, step.reason)
        if self._flushed_after is None or first <= self._flushed_after:
            self._flushed_after = first - 1
        self._delivering = self._rebounding = None
        self._knows_owner_lists = True
        self._progress.flushed(step, at=time.monotonic())
        if first <= step.head:
            self._held[0].append(self._receipt(first, step.head, "flush"))

    def _reflush(self) -> None:
        self._send(FLUSH)
        self._progress.reflush_due = None
        self._record(flushed=True)
        if self._flushed_after is not None and self._flushed_after < self._progress.acknowledged:
            self._prober.offer_flushed(
                self.edge, self._flushed_after, self._progress.acknowledged, setbacks=self._setbacks
            )
        self._flushed_after = None

    def _deliver(self, step: Deliver) -> None:
        """Send the requests of a plan, for a fraction of a second: a heartbeat may be due before the rest."""
        if self._delivering is None or self._delivering.plan.first != step.after + 1:
            self._delivering = self._plan(step.after, step.head)
        carrying, until = self._delivering, time.monotonic() + DELIVERY
        while carrying is not None and carrying.requests:
            if time.monotonic() > until or not (self._express(carrying, until) and self._carry_out(carrying)):
                return
        if carrying is None:
            return
        plan, self._delivering = carrying.plan, None
        self._progress.delivered(plan.last, at=time.monotonic())
        self._held[0].append(self._receipt(plan.first, plan.last, plan.method))
        self._held[1].extend(carrying.sightings)
        self._record()
        self._prober.offer(self.edge, plan.sample, setbacks=self._setbacks)

    def _express(self, bulk: Carrying, until: float) -> bool:
        """Send single bans that came meanwhile, up to the moment ``until``; False when the edge called one malformed.

        Progress, and with it receipts and leases, knows nothing of them; what they removed is kept.
        """
        self._singles.find(bulk)
        while time.monotonic() <= until and (single := self._singles.next(bulk)):
            if not self._carry_out(single):
                return False
            self._held[1].extend(single.sightings)
        return True

    def _rebound(self, step: Rebound) -> None:
        if self._rebounding is None:
            self._rebounding = self._plan(step.after, step.last)
        carrying = self._rebounding
        if carrying is None:
            return
        if carrying.requests:
            # One request a step, so that a first delivery need not wait for the rest.
            self._carry_out(carrying)
            return
        self._rebounding = None
        self._progress.echoed(carrying.plan.last)
        self._record()

    def _plan(self, after: int, head: int) -> Carrying | None:
        try:
            plan = self._backlog.plan(after, head, affordable(self._pace))
        except PrunedError:
            self._progress.must_flush = "the outbox no longer holds what it has to be told"
            return None
        except MalformedRowError as error:
            self._progress.must_flush = f"no purge can be made of what it has to be told: {error}"
            return None
        carrying = Carrying(plan, list(plan.requests))
        if not self._knows_owner_lists:
            carrying.cut_lists()
        return carrying

    def _carry_out(self, carrying: Carrying) -> bool:
        """Send the first of the requests that are left; False when the edge calls it malformed and will be flushed."""
        request = carrying.requests[0]
        try:
            answer = self._send(request)
        except MalformedError as error:
            if carrying.cut_list():
                if self._knows_owner_lists:
                    log.info("edge %s takes no lists of owners, as before 0.2: they go one by one", self.edge.name)
                self._knows_owner_lists = False
                carrying.cut_lists()
                return True
            log.error("edge %s calls %s %s malformed: %s", self.edge.name, request.method, request.path, error)
            self._progress.must_flush = "a purge that it calls malformed must not block it"
            return False
        carrying.sightings += [sighting_of(self.edge, row, removed=answer.removed) for row in request.rows]
        del carrying.requests[0]
        return True

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
