"""Decides when a flush is sent to an edge again (rebound). Pure: no clock, network or database."""

from collections.abc import Iterator
from dataclasses import dataclass, field

#: Largest age in seconds that a late flush may name: the edge takes six digits.
_OLDEST = 999_999.0


@dataclass(slots=True)
class FlushRebounds:
    """The rebounds of an edge's last flush: a prompt one, and late ones of the objects that were fetched before it.

    Times are seconds of the monotonic clock, but for ``flushed_at``: the edge's own clock, in seconds since 1970.
    """

    delay: float
    late_delays: tuple[float, float]
    due: float | None = None  # when the prompt one is due; None: there is none
    flushed_at: float | None = None
    _late_due: list[float] = field(default_factory=list)
    _clock_ahead: float = 0.0  # seconds by which the edge's clock is ahead of the monotonic one

    def resume(self, flushed_at: float | None, *, now: float) -> None:
        """Go on from the flush that the database remembers; late rebounds are due a full delay from now."""
        self.flushed_at = flushed_at
        if flushed_at is not None:
            self._late_due = [now + delay for delay in self.late_delays]

    def heard(self, clock: str, *, at: float) -> None:
        """Note the edge's clock, in seconds since 1970, from its answer that arrived at ``at``."""
        self._clock_ahead = float(clock) - at

    def flushed(self, clock: str, *, at: float, late: bool) -> None:
        """Note that a flush was acknowledged at ``clock``; ``late``: the edge knows late flushes."""
        self.due = at + self.delay
        self.flushed_at = float(clock)
        self._late_due = [at + delay for delay in self.late_delays] if late else []

    def sent(self) -> None:
        """Note that the prompt rebound was acknowledged."""
        self.due = None

    def late_sent(self) -> None:
        """Note that a late rebound was acknowledged."""
        self._late_due.pop(0)

    def is_due(self, now: float) -> bool:
        """Tell whether the prompt rebound is due."""
        return self.due is not None and self.due <= now

    def overdue(self, now: float) -> bool:
        """Tell whether the prompt rebound is late by half its delay."""
        return self.is_due(now - self.delay / 2)

    def late_due(self, now: float, *, late: bool) -> float | None:
        """Return the age in seconds of the objects that a late rebound removes now; None when none is due.

        A purger that takes over long after the flush sends none; neither does one whose edge does not know late
        flushes.
        """
        while self._late_due and self._late_due[0] <= now:
            older = now + self._clock_ahead - (self.flushed_at or 0.0)
            if late and 0.0 <= older <= min(2 * self.late_delays[-1], _OLDEST):
                return older
            self._late_due.pop(0)
        return None

    def moments(self) -> Iterator[float]:
        """Yield the moments at which the next rebounds are due."""
        if self.due is not None:
            yield self.due
        yield from self._late_due[:1]
