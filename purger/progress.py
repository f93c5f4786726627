"""Decides what one edge needs next: the worker's judgement, without clock, network or database."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from purger.instances import Instances
from purger.lease import Lease
from purger.model import FlushRequest, Position, SavedProgress, Verification
from purger.rebounds import Rebounds
from purger.steps import Ask, Deliver, Flush, FlushRebound, Heartbeat, LateFlushRebound, Rebound, Step, Wait
from takedown_db.printable import printable

#: Seconds that an edge takes for the age of what is to be removed: six digits.
_OLDEST = 999_999.0

#: Where an edge is that no purge with a batch has reached yet. No database knows it.
NOWHERE = Position(0, "none")

#: Seconds between two edge's clocks that count as none: a recorded one has milliseconds.
_ROUNDING = 0.0006


@dataclass(slots=True)
class Progress:
    """How far an edge has come. ``now`` and ``at`` are seconds of the monotonic clock.

    ``position`` is the last one that the edge has named and that the database knows; None for an edge of version 0.1,
    which names none, and before a flush.
    """

    rebound_delay: float
    late_delays: tuple[float, float]  # seconds
    lease: Lease
    instance: str | None = None
    acknowledged: int = 0
    triggers: str | None = None
    position: Position | None = None
    names_position: bool = False  # the edge names its position
    confirmed: bool = False  # the instance has answered this process
    instances: Instances = field(default_factory=Instances)
    must_flush: str | None = None
    asked: FlushRequest | None = None
    flush_done: int = 0  # the last request that a flush of this process has answered
    flush_rebound_due: float | None = None
    flushed_at: float | None = None  # the edge's own clock, seconds since 1970
    epoch: float | None = None  # the last that the instance is known to have accepted
    rebounds: tuple[Rebounds, ...] = ()
    _late_flush_rebounds: list[float] = field(default_factory=list)
    _clock_ahead: float = 0.0  # seconds by which the edge's clock is ahead of the monotonic one

    def __post_init__(self) -> None:
        # Late ones need not be prompt: what was acknowledged within a fifth of their delay is sent together.
        self.rebounds = (Rebounds(self.rebound_delay), *(Rebounds(delay, delay / 5) for delay in self.late_delays))

    @property
    def rebounded(self) -> int:
        """The last batch that was sent a second time."""
        return self.rebounds[0].done

    def resume(self, saved: SavedProgress, *, now: float) -> None:
        """Go on from what the database remembers. Rebounds not made before are made a full delay from now."""
        self.instance, self.triggers = saved.instance, saved.triggers
        self.acknowledged = saved.acknowledged
        self.epoch = saved.epoch
        for rebounds, done in zip(self.rebounds, saved.all_rebounded, strict=True):
            rebounds.resume(done, self.acknowledged, now=now)
        self.flushed_at = saved.flushed_at
        if self.flushed_at is not None:
            self._late_flush_rebounds = [now + delay for delay in self.late_delays]

    def saved(self) -> SavedProgress | None:
        """Return the state that the database should remember; None while the last flush has yet to be sent again."""
        if self.flush_rebound_due is not None or self.must_flush:
            return None
        prompt, later, last = self.rebounds
        return SavedProgress(
            self.instance,
            self.acknowledged,
            prompt.done,
            later.done,
            last.done,
            self.triggers,
            flushed_at=self.flushed_at,
            flush_done=self.flush_done,
        )

    def heard(self, clock: str, *, at: float) -> None:
        """Note the edge's clock, in seconds since 1970, as an answer has told it."""
        self._clock_ahead = float(clock) - at

    def recognise(self, instance: str, epoch: str | None, position: Position | None, *, known: bool) -> None:
        """Judge an edge that has named its instance, the ``epoch`` that it keeps, and its position.

        ``known`` tells whether the database has given this position. The progress of another instance is worth
        nothing, and so is that of an edge or of a database that has gone back.
        """
        self.names_position = position is not None
        if instance != self.instance:
            self.must_flush = "another varnishd answers" if self.instance else "it is new"
            self.instance, self.epoch = instance, None
        elif reason := self._parted(epoch, position, known=known):
            self.must_flush = reason
        self.position = None if self.must_flush else position
        if epoch:
            self.epoch = float(epoch)
        self.confirmed = True

    def _parted(self, epoch: str | None, position: Position | None, *, known: bool) -> str | None:
        """Say why this instance is not where the database remembers it; None when it is, or further."""
        ahead = float(epoch) - self.epoch if epoch and self.epoch is not None else 0.0
        if position is None:
            # Perhaps of a purger that was killed, and perhaps of a database that has gone back.
            later = not self.confirmed and ahead > _ROUNDING
            return "it is of version 0.1, and had a heartbeat that the database does not remember" if later else None
        if position == NOWHERE:
            # A purger of version 0.1 leaves it there. Its last heartbeat has to be the one that is remembered.
            remembered = bool(epoch) and self.epoch is not None and abs(ahead) <= _ROUNDING
            same = ahead >= -_ROUNDING if self.position == NOWHERE else self.position is None and remembered
            return None if same else "it names no batch, and its last heartbeat is not the one that is remembered"
        if not known:
            return (
                f"its position, batch {position}, is none of this database, or older than what the outbox still holds"
            )
        if position.batch < self.acknowledged:
            return f"it has gone back to batch {position.batch} from {self.acknowledged}"
        if ahead < -_ROUNDING:
            return f"it has gone back to a heartbeat of {-ahead:.3f} s before its last one"
        return None

    def went_back(self, pruned: int) -> None:
        """The database has lost batches, so that no number that it gave is known to mean what it meant.

        The flush that follows covers all that the outbox holds, the batches after ``pruned``, since receipts may have
        been lost too. A lost request for a flush is asked for again under the same number.
        """
        self.must_flush = "the database has gone back"
        self.acknowledged = min(self.acknowledged, pruned)
        for rebounds in self.rebounds:
            rebounds.reset(min(rebounds.done, pruned))
        self.flush_done = 0
        self.lease.forget()

    def flushed(self, flush: Flush, *, clock: str, at: float) -> None:
        """The edge has acknowledged ``flush`` at ``clock``: the one case in which progress may also go back."""
        self.lease.doubt()
        self.acknowledged = flush.head.batch
        self.position = flush.head if self.names_position else None
        self.triggers = flush.triggers
        self.flush_done = flush.request
        self.must_flush = None
        for rebounds in self.rebounds:
            rebounds.reset(flush.head.batch)
        self.flush_rebound_due = at + self.rebound_delay
        self.flushed_at = float(clock)
        # Edges of version 0.1 know no flush of older objects alone.
        self._late_flush_rebounds = [at + delay for delay in self.late_delays] if self.names_position else []

    def late_flush_rebounded(self) -> None:
        """The edge has acknowledged a late flush."""
        self._late_flush_rebounds.pop(0)

    def delivered(self, last: int, *, at: float) -> None:
        """The edge has acknowledged everything up to batch ``last``."""
        self.acknowledged = max(self.acknowledged, last)
        for rebounds in self.rebounds:
            rebounds.delivered(last, at=at)

    def next_step(self, head: Position | None, pruned: int, verification: Verification | None, now: float) -> Step:
        """Choose the next step, given what the poller has found.

        A first delivery goes before any second one, unless that is overdue. A heartbeat, once a second, goes before
        both. Otherwise a steady stream of purges would let the lease run out.
        """
        if self.asked is None and self.flush_rebound_due is None:
            # The database knows of the answer, so that the number may come again: it has lost it then.
            self.flush_done = 0
        if self.instances.several(now) or not self.confirmed:
            return Ask(fresh=self.instances.several(now) is not None)
        if head is not None and verification is not None:
            if reason := self._reason_to_flush(head.batch, pruned, verification):
                request = self.asked.number if self.asked else self.flush_done
                return Flush(reason, head, verification.triggers.fingerprint, request)
            if self.lease.epoch and self.lease.due <= now and self._holds_everything(verification, now):
                return Ask(fresh=True) if self.instances.pending else Heartbeat(self.lease.epoch)
            if self.acknowledged < head.batch and not self._must_rebound(now):
                return Deliver(self.acknowledged, head.batch)
        if not self.must_flush and (step := self._rebound_step(now)):
            return step
        if self.lease.stale(now):
            return Ask()
        return Wait(self._next_moment(now) - now)

    def _reason_to_flush(self, head: int, pruned: int, verification: Verification) -> str | None:
        if self.must_flush:
            return self.must_flush
        if min(self.acknowledged, self.rebounded) < pruned:
            return f"its progress, batch {self.acknowledged}, is older than what the outbox still holds"
        if self.acknowledged > head:
            return f"the database has gone back to batch {head}"
        # While one is missing no edge gets a heartbeat, and when it is restored the fingerprint is another.
        if self.triggers != verification.triggers.fingerprint and not verification.triggers.missing:
            return "the triggers have changed, and changes may have left no trace"
        # Not by size: the numbers start again when an edge is removed and added, or the database goes back.
        if self.asked and self.asked.number != self.flush_done:
            return f"asked for by {printable(self.asked.by)}"
        return None

    def _holds_everything(self, verification: Verification, now: float) -> bool:
        first = self.lease.verified_by(verification)
        return first is not None and self.acknowledged >= first.head and not self._overdue(now)

    def _overdue(self, now: float) -> bool:
        """Tell whether a second sending is late by half its delay, and so nearly G1's second after the first."""
        flush_rebound = self.flush_rebound_due is not None and self.flush_rebound_due <= now - self.rebound_delay / 2
        return flush_rebound or self.rebounds[0].overdue(now)

    def _must_rebound(self, now: float) -> bool:
        return self._overdue(now) or any(rebounds.overdue(now) for rebounds in self.rebounds[1:])

    def _rebound_step(self, now: float) -> Step | None:
        if self.flush_rebound_due is not None and self.flush_rebound_due <= now:
            return FlushRebound()
        for turn, rebounds in enumerate(self.rebounds):
            if last := rebounds.due(now):
                return Rebound(turn, rebounds.done, last)
        while self._late_flush_rebounds and self._late_flush_rebounds[0] <= now:
            older = now + self._clock_ahead - (self.flushed_at or 0.0)
            # A purger that takes over long after the flush sends none.
            if self.names_position and 0.0 <= older <= min(2 * self.late_delays[-1], _OLDEST):
                return LateFlushRebound(older)
            self._late_flush_rebounds.pop(0)
        return None

    def _next_moment(self, now: float) -> float:
        # What is due and yet not done waits for the poller to find something.
        return min((moment for moment in self._moments() if moment > now), default=now + self.lease.interval)

    def _moments(self) -> Iterator[float]:
        yield self.lease.heard + 2 * self.lease.interval
        yield self.lease.due
        if self.flush_rebound_due is not None:
            yield self.flush_rebound_due
        yield from self._late_flush_rebounds[:1]
        for rebounds in self.rebounds:
            if (moment := rebounds.next_moment()) is not None:
                yield moment
