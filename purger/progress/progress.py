"""Decides the next step for one edge. Pure: no clock, network or database.

``Progress`` holds what is known of one edge: which varnishd answers (its instance), the last batch that it has
acknowledged, and the rebounds and heartbeats that are due. The worker asks for the next step, carries it out, and notes
the outcome here. These are the rules:

- An edge is asked for its instance and position before anything else is sent, and again after each error
  (``confirmed``): it may have been restarted, or put back to an earlier state.
- An edge is flushed, which empties its cache, whenever it may lack a purge that can no longer be sent: it is new, or
  another varnishd; it or the database has gone back; the outbox no longer holds the batches; a trigger was missing; an
  operator asks for it.
- A heartbeat says to an edge: you have every purge that was committed before this time of your clock. It is sent only
  when all that a verification found (``poller.py``) was acknowledged twice, by delivery and prompt rebound.
- A delivery goes before a rebound, as a ban is waiting for it, unless the rebound is overdue. A heartbeat, once a
  second, goes before both: otherwise a steady stream of purges would let the lease run out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from purger.model import FlushRequest, Position, SavedProgress, Verification
from purger.progress.discrepancy import discrepancy
from purger.progress.instances import Instances
from purger.progress.lease import Lease
from purger.progress.rebounds import FlushRebounds, Rebounds
from purger.progress.steps import Ask, Deliver, Flush, FlushRebound, Heartbeat, LateFlushRebound, Rebound, Step, Wait
from takedown_base.printable import printable

#: The position before the first answer, which no edge names.
_NOWHERE = Position(0, "")


@dataclass(slots=True)
class Progress:
    """The state of one edge. ``now`` and ``at`` are seconds of the monotonic clock.

    Only methods of this class write its fields. ``position`` is the last one that the edge has named.
    """

    rebound_delay: float
    late_delays: tuple[float, float]  # seconds
    lease: Lease
    instance: str | None = None
    acknowledged: int = 0
    triggers: str | None = None
    position: Position = _NOWHERE
    confirmed: bool = False  # the instance has answered this process
    instances: Instances = field(default_factory=Instances)
    must_flush: str | None = None  # the reason
    asked: FlushRequest | None = None
    flush_done: int = 0  # the last request that a flush of this process has answered
    epoch: float | None = None  # the last that the instance is known to have accepted
    rebounds: tuple[Rebounds, ...] = field(init=False)
    flush_rebounds: FlushRebounds = field(init=False)

    def __post_init__(self) -> None:
        # Late rebounds need not be prompt: batches acknowledged within 0.4 of their delay are sent together.
        late = [Rebounds(delay, 0.4 * delay) for delay in self.late_delays]
        self.rebounds = (Rebounds(self.rebound_delay), *late)
        self.flush_rebounds = FlushRebounds(self.rebound_delay, self.late_delays)

    def resume(self, saved: SavedProgress, *, now: float) -> None:
        """Go on from the saved progress. Rebounds that are not recorded are due a full delay from now."""
        self.instance, self.triggers = saved.instance, saved.triggers
        self.acknowledged = saved.acknowledged
        self.epoch = saved.epoch
        for rebounds, done in zip(self.rebounds, saved.all_rebounded, strict=True):
            rebounds.resume(done, self.acknowledged, now=now)
        self.flush_rebounds.resume(saved.flushed_at, now=now)

    def saved(self) -> SavedProgress | None:
        """Return the progress to record; None before a flush and its prompt rebound are done."""
        if self.flush_rebounds.due is not None or self.must_flush:
            return None
        prompt, later, last = self.rebounds
        return SavedProgress(
            self.instance,
            self.acknowledged,
            prompt.done,
            later.done,
            last.done,
            self.triggers,
            flushed_at=self.flush_rebounds.flushed_at,
            flush_done=self.flush_done,
        )

    def heard(self, clock: str, *, at: float) -> None:
        """Note the edge's clock, in seconds since 1970, from its answer that arrived at ``at``."""
        self.flush_rebounds.heard(clock, at=at)

    def doubt(self) -> None:
        """Have the edge asked for its instance and position before anything else is sent.

        While it was out of reach it may have been put back to an earlier state. Its last heartbeat shows that, but no
        longer after the next one.
        """
        self.confirmed = False

    def moved_to(self, position: Position) -> None:
        """Note the position that the edge named in its answer to a request."""
        self.position = position

    def require_flush(self, reason: str) -> None:
        """Have the edge flushed before anything else is delivered; ``reason`` is for the log."""
        self.must_flush = reason

    def ask_flush(self, request: FlushRequest | None) -> None:
        """Note the flush that an operator asks for; None: there is no request."""
        self.asked = request

    def recognise(self, instance: str, epoch: str | None, position: Position, *, known: bool) -> None:
        """Compare an edge's answer with its progress: its instance, the ``epoch`` that it keeps, and its position.

        ``known``: the database has given this position. Another instance has to be flushed, and so does an edge that
        has gone back, or whose database has.
        """
        if instance != self.instance:
            self.require_flush("another varnishd answers" if self.instance else "it is new")
            self.instance, self.epoch = instance, None
        elif reason := discrepancy(position, epoch, known=known, acknowledged=self.acknowledged, last_epoch=self.epoch):
            self.require_flush(reason)
        self.position = position
        if epoch:
            self.epoch = float(epoch)
        self.confirmed = True

    def went_back(self, pruned: int) -> None:
        """Note that the database has lost batches: from now on it may give their numbers to other batches.

        The flush that follows covers all that the outbox holds, the batches after ``pruned``, since receipts may have
        been lost too. If the clock went back as well, a new request for a flush may have the number of a lost one.
        """
        self.require_flush("the database has gone back")
        self.acknowledged = min(self.acknowledged, pruned)
        for rebounds in self.rebounds:
            rebounds.reset(min(rebounds.done, pruned))
        self.flush_done = 0
        self.lease.forget()

    def flushed(self, flush: Flush, *, clock: str, at: float) -> None:
        """Note that the edge has acknowledged ``flush`` at ``clock``. Only here may progress go back."""
        self.lease.doubt()
        self.acknowledged = flush.head.batch
        self.position = flush.head
        self.triggers = flush.triggers
        self.flush_done = flush.request
        self.must_flush = None
        for rebounds in self.rebounds:
            rebounds.reset(flush.head.batch)
        self.flush_rebounds.flushed(clock, at=at)

    def flush_rebounded(self) -> None:
        """Note that the edge has acknowledged the prompt rebound of a flush."""
        self.flush_rebounds.sent()

    def late_flush_rebounded(self) -> None:
        """Note that the edge has acknowledged a late rebound of a flush."""
        self.flush_rebounds.late_sent()

    def rebounded(self, turn: int, last: int) -> None:
        """Note that the edge has acknowledged the rebound number ``turn`` of everything up to batch ``last``."""
        self.rebounds[turn].sent(last)

    def delivered(self, last: int, *, at: float) -> None:
        """Note that the edge has acknowledged everything up to batch ``last``."""
        self.acknowledged = max(self.acknowledged, last)
        for rebounds in self.rebounds:
            rebounds.delivered(last, at=at)

    def next_step(
        self,
        head: Position | None,
        pruned: int,
        verification: Verification | None,
        now: float,
        *,
        announced: int | None = None,
        patient: bool = False,
    ) -> Step:
        """Choose the next step, given the head, the last pruned batch and the latest verification of the poller.

        Without ``head`` or ``verification`` nothing new is delivered: the database has not been read yet, or another
        purger follows the edge. Only batches up to ``announced`` are; None: all. ``patient``: prompt
        rebounds wait for the next delivery, which they may share a request with, until they are overdue.
        """
        if self.asked is None and self.flush_rebounds.due is None:
            # The flush is recorded. If its number comes again, the database has lost that record.
            self.flush_done = 0
        if self.instances.several(now) or not self.confirmed:
            return Ask(fresh=self.instances.several(now) is not None)
        if head is not None and verification is not None:
            if reason := self._reason_to_flush(head.batch, pruned, verification):
                request = self.asked.number if self.asked else self.flush_done
                return Flush(reason, head, verification.triggers.fingerprint, request)
            if self.lease.epoch and self.lease.due <= now and self._holds_everything(verification):
                return Ask(fresh=True) if self.instances.pending else Heartbeat(self.lease.epoch)
            last = head.batch if announced is None else min(announced, head.batch)
            overdue = self.rebounds[0].overdue(now)
            if self.acknowledged < last and not self._must_rebound(now) and (patient or not overdue):
                rebound = self._prompt_rebound(now + self.rebound_delay / 10)
                return Deliver(self.acknowledged, last, rebound, rebound_first=overdue)
        prompt = not patient or self.rebounds[0].overdue(now)
        if not self.must_flush and (step := self._rebound_step(now, prompt=prompt)):
            return step
        if self.lease.stale(now):
            return Ask()
        for_verification = verification is None or (self.lease.epoch is not None and self.lease.due <= now)
        return Wait(self._next_moment(now) - now, for_verification)

    def _reason_to_flush(self, head: int, pruned: int, verification: Verification) -> str | None:
        if self.must_flush:
            return self.must_flush
        if min(self.acknowledged, self.rebounds[0].done) < pruned:
            return f"its progress, batch {self.acknowledged}, is older than what the outbox still holds"
        if self.acknowledged > head:
            return f"the database has gone back to batch {head}"
        # While a trigger is missing no edge gets a heartbeat. Once it is restored the fingerprint has changed.
        if self.triggers != verification.triggers.fingerprint and not verification.triggers.missing:
            return "the triggers have changed, and changes may have left no trace"
        # Not compared by size: numbers are times, and the database's clock may go back.
        if self.asked and self.asked.number != self.flush_done:
            return f"asked for by {printable(self.asked.by)}"
        return None

    def _holds_everything(self, verification: Verification) -> bool:
        """Tell whether all that the verification found was sent twice.

        An edge that was cut off after the first purge only would trust an image that a slow thread stored after it.
        """
        first = self.lease.verified_by(verification)
        twice = min(self.acknowledged, self.rebounds[0].done)
        return first is not None and twice >= first.head and self.flush_rebounds.due is None

    def _must_rebound(self, now: float) -> bool:
        """Tell whether a flush or a late rebound is so late that it goes before deliveries."""
        _, later, last = self.rebounds
        return self.flush_rebounds.overdue(now) or later.overdue(now) or last.overdue(now)

    def _prompt_rebound(self, now: float) -> Rebound | None:
        last = self.rebounds[0].due(now)
        return Rebound(0, self.rebounds[0].done, last) if last else None

    def _rebound_step(self, now: float, *, prompt: bool) -> Step | None:
        if self.flush_rebounds.is_due(now):
            return FlushRebound()
        if prompt and (step := self._prompt_rebound(now)):
            return step
        for turn, rebounds in enumerate(self.rebounds[1:], 1):
            if last := rebounds.due(now):
                return Rebound(turn, rebounds.done, last)
        older = self.flush_rebounds.late_due(now)
        return None if older is None else LateFlushRebound(older)

    def _next_moment(self, now: float) -> float:
        # A step that is due, but was not chosen above, waits for something that the poller finds.
        return min((moment for moment in self._moments() if moment > now), default=now + self.lease.interval)

    def _moments(self) -> Iterator[float]:
        if (moment := self.rebounds[0].next_moment()) is not None:
            yield moment + self.rebound_delay / 2
        yield self.lease.heard + 2 * self.lease.interval
        yield self.lease.due
        yield from self.flush_rebounds.moments()
        for rebounds in self.rebounds:
            if (moment := rebounds.next_moment()) is not None:
                yield moment
