"""What one edge has and what it needs next: the worker's judgement, without clock, network or database."""

from collections import deque
from dataclasses import dataclass, field

from database.text import printable
from purger.lease import Lease
from purger.model import FlushRequest, Standing, Verification


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the edge for its instance and clock."""


@dataclass(frozen=True, slots=True)
class Flush:
    """Empty the edge: ``head`` was read before, and ``triggers`` stood then. ``reason`` is for the log."""

    reason: str
    head: int
    triggers: str
    request: int = 0  # the request for a flush that it answers as well, of those known when it was decided on


@dataclass(frozen=True, slots=True)
class Beat:
    """Send a heartbeat with ``epoch``."""

    epoch: str


@dataclass(frozen=True, slots=True)
class Deliver:
    """Deliver the batches after ``after`` up to ``head``."""

    after: int
    head: int


@dataclass(frozen=True, slots=True)
class Rebound:
    """Deliver the batches after ``after`` up to ``last`` a second time."""

    after: int
    last: int


@dataclass(frozen=True, slots=True)
class Reflush:
    """Send the last flush a second time."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do for so many seconds, unless something new is found."""

    seconds: float


#: Seconds by which an edge may have been vouched for later than the database remembers: what a purger that was killed
#: had not yet written. More than that, and the database is an older one.
_UNWRITTEN = 10.0

Step = Ask | Flush | Beat | Deliver | Rebound | Reflush | Wait


@dataclass(slots=True)
class Progress:
    """How far an edge has come. ``now`` and ``at`` are seconds of the monotonic clock."""

    rebound_delay: float
    lease: Lease
    instance: str | None = None
    acknowledged: int = 0
    rebounded: int = 0
    triggers: str | None = None
    confirmed: bool = False  # the instance has answered this process
    must_flush: str | None = None
    asked: FlushRequest | None = None
    flush_done: int = 0  # the last request that a flush of this process has answered
    reflush_due: float | None = None
    remembered_epoch: float | None = None  # of the instance that was resumed, until it has answered
    _echoes: deque[tuple[int, float]] = field(default_factory=deque)

    def resume(self, standing: Standing, *, now: float) -> None:
        """Go on from what the database remembers. Rebounds not made before are made a full delay from now."""
        self.instance, self.triggers = standing.instance, standing.triggers
        self.acknowledged, self.rebounded = standing.acknowledged, standing.rebounded
        self.remembered_epoch = standing.epoch
        if self.rebounded < self.acknowledged:
            self._echoes.append((self.acknowledged, now + self.rebound_delay))

    def standing(self) -> Standing | None:
        """What the database should remember; None while the last flush has yet to be sent again."""
        if self.reflush_due is not None or self.must_flush:
            return None
        return Standing(
            self.instance, self.acknowledged, self.rebounded, self.triggers, flush_done=self.flush_done
        )  # fmt: skip

    def recognise(self, instance: str, epoch: str | None = None) -> None:
        """The edge has named its instance, and the ``epoch`` that it keeps.

        The progress of another one is worth nothing, and so is that from a backup of the database.
        """
        if instance != self.instance:
            self.must_flush = "another varnishd answers" if self.instance else "it is new"
            self.instance = instance
        elif epoch and self.remembered_epoch and float(epoch) > self.remembered_epoch + _UNWRITTEN:
            self.must_flush = "the database has gone back to before the edge's last heartbeat"
        self.remembered_epoch = None
        self.confirmed = True

    def went_back(self, pruned: int) -> None:
        """The database has lost batches, so that no number that it gave is known to mean what it meant.

        The flush that follows covers all that the outbox holds, the batches after ``pruned``, since receipts may have
        been lost too. A lost request for a flush is asked for again under the same number.
        """
        self.must_flush = "the database has gone back"
        self.acknowledged = min(self.acknowledged, pruned)
        self.rebounded = min(self.rebounded, pruned)
        self.flush_done = 0

    def flushed(self, flush: Flush, *, at: float) -> None:
        """The edge has acknowledged ``flush``: the one case in which progress may also go back."""
        self.lease.doubt()
        self.acknowledged = self.rebounded = flush.head
        self.triggers = flush.triggers
        self.flush_done = flush.request
        self.must_flush = None
        self._echoes.clear()
        self.reflush_due = at + self.rebound_delay

    def delivered(self, last: int, *, at: float) -> None:
        """The edge has acknowledged everything up to batch ``last``."""
        self.acknowledged = max(self.acknowledged, last)
        self._echoes.append((last, at + self.rebound_delay))

    def echoed(self, last: int) -> None:
        """The edge has acknowledged everything up to batch ``last`` a second time."""
        self.rebounded = max(self.rebounded, last)
        while self._echoes and self._echoes[0][0] <= self.rebounded:
            self._echoes.popleft()

    def next_step(self, head: int | None, pruned: int, verification: Verification | None, now: float) -> Step:
        """What to do now, given what the poller has found.

        A first delivery goes before any second one, unless that is overdue. A heartbeat, once a second, goes before
        both. Otherwise a steady stream of purges would let the lease run out.
        """
        if not self.confirmed:
            return Ask()
        if head is not None and verification is not None:
            if reason := self._reason_to_flush(head, pruned, verification):
                request = self.asked.number if self.asked else self.flush_done
                return Flush(reason, head, verification.triggers.fingerprint, request)
            if self.lease.epoch and self.lease.due <= now and self._holds_everything(verification, now):
                return Beat(self.lease.epoch)
            if self.acknowledged < head and not self._overdue(now):
                return Deliver(self.acknowledged, head)
        if not self.must_flush:
            if self.reflush_due is not None and self.reflush_due <= now:
                return Reflush()
            if last := self._rebound_due(now):
                return Rebound(self.rebounded, last)
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
        """Whether a second sending is later than by half its delay, and so nearly G1's second after the first."""
        late = now - self.rebound_delay / 2
        return self._rebound_due(late) is not None or (self.reflush_due is not None and self.reflush_due <= late)

    def _rebound_due(self, now: float) -> int | None:
        last = None
        for batch, due in self._echoes:
            if due > now:
                break
            last = batch
        return last

    def _next_moment(self, now: float) -> float:
        moments = [self.lease.heard + 2 * self.lease.interval, self.lease.due]
        if self.reflush_due is not None:
            moments.append(self.reflush_due)
        if self._echoes:
            moments.append(self._echoes[0][1])
        # What is due and yet not done waits for the poller to find something.
        return min((moment for moment in moments if moment > now), default=now + self.lease.interval)
