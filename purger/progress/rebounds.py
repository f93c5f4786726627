"""Decides when batches are sent to an edge again (rebound). Pure: no clock, network or database.

A thread of the edge that stalled during the first purge could have stored an old image after it.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple


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
        """Go on from the saved progress. Rebounds that are not on record are made a full delay from now."""
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
        """Return the last batch that is to be sent again by ``now``; None when there is none."""
        last = None
        for each in self._due:
            if each.moment > now:
                break
            last = each.last
        return last

    def overdue(self, now: float) -> bool:
        """Tell whether a rebound is late by half its delay."""
        return self.due(now - self.delay / 2) is not None

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
        """Return the moment at which the next rebound is due; None when there is none."""
        return self._due[0].moment if self._due else None
