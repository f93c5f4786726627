"""Decides when purges and flushes are sent to an edge again: their rebounds. Pure: no clock, network or database.

A thread of the edge that was held up during a purge may store the old image after it. The rebound removes that image,
if it comes after the thread went on: so there are three, after half a second, five seconds and a minute.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

#: Largest age in seconds that a late flush may name: the edge takes six digits.
_OLDEST = 999_999.0


class _Due(NamedTuple):
    """Everything up to a batch, and the moment at which it is due."""

    last: int
    moment: float


@dataclass(slots=True)
class Rebounds:
    """The rebounds that follow ``delay`` seconds after the delivery. Times are seconds of the monotonic clock.

    Batches that were acknowledged within ``together`` seconds are sent again together: late rebounds need not be
    prompt, and each subject is then sent once.
    """

    delay: float
    together: float = 0.0
    done: int = 0  # the last batch that was sent again, as were all before it
    _due: deque[_Due] = field(default_factory=deque)
    _opened: float = 0.0  # when the first batch of the last entry was acknowledged

    def resume(self, done: int, acknowledged: int, *, now: float) -> None:
        """Go on from the saved progress. Rebounds that are not recorded are due a full delay from now."""
        self.done = done
        self._due.clear()
        if done < acknowledged:
            self._due.append(_Due(acknowledged, now + self.delay))
            self._opened = now

    def delivered(self, last: int, *, at: float) -> None:
        """Note that the delivery of everything up to batch ``last`` was acknowledged."""
        if self._due and at - self._opened < self.together:
            self._due[-1] = _Due(last, at + self.delay)
        else:
            self._due.append(_Due(last, at + self.delay))
            self._opened = at

    def due(self, now: float) -> int | None:
        """Return the last batch that has to be sent again by ``now``; None if no rebound is due."""
        last = None
        if not self._due or self._due[0].moment > now:
            return last
        for each in self._due:
            if each.moment > now:
                break
            last = each.last
        return last

    def overdue(self, now: float) -> bool:
        """Tell whether a rebound is late by half its delay."""
        return bool(self._due) and self._due[0].moment <= now - self.delay / 2

    def sent(self, last: int) -> None:
        """Note that everything up to batch ``last`` was acknowledged again."""
        self.done = max(self.done, last)
        while self._due and self._due[0].last <= self.done:
            self._due.popleft()

    def reset(self, done: int) -> None:
        """Drop the rebounds that wait: a flush, or the database, has made ``done`` the last batch."""
        self.done = done
        self._due.clear()

    def next_moment(self) -> float | None:
        """Return the moment at which the next rebound is due; None if no batch waits for one."""
        return self._due[0].moment if self._due else None


@dataclass(slots=True)
class FlushRebounds:
    """The rebounds of an edge's last flush: a prompt one, and late ones of the objects that were fetched before it.

    Times are seconds of the monotonic clock, but for ``flushed_at``: the edge's own clock, in seconds since 1970.
    """

    delay: float
    late_delays: tuple[float, float]
    due: float | None = None  # when the prompt one is due; None: none is due
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

    def flushed(self, clock: str, *, at: float) -> None:
        """Note that a flush was acknowledged at ``clock``."""
        self.due = at + self.delay
        self.flushed_at = float(clock)
        self._late_due = [at + delay for delay in self.late_delays]

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

    def late_due(self, now: float) -> float | None:
        """Return the age in seconds of the objects that a late rebound removes now; None when none is due.

        A purger that takes over long after the flush sends none.
        """
        while self._late_due and self._late_due[0] <= now:
            older = now + self._clock_ahead - (self.flushed_at or 0.0)
            if 0.0 <= older <= min(2 * self.late_delays[-1], _OLDEST):
                return older
            self._late_due.pop(0)
        return None

    def moments(self) -> Iterator[float]:
        """Yield the moments at which the next rebounds are due."""
        if self.due is not None:
            yield self.due
        yield from self._late_due[:1]
