"""Decides when batches are sent a second time, and later once more. Pure: no clock, network or database."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Rebounds:
    """The sendings that follow ``delay`` seconds after the first. Times are seconds of the monotonic clock.

    Batches that were acknowledged within ``together`` seconds are sent again together: late ones need not be prompt,
    and each subject is then sent once.
    """

    delay: float
    together: float = 0.0
    done: int = 0  # all batches up to this one were sent again
    _due: deque[tuple[int, float]] = field(default_factory=deque)
    _opened: float = 0.0  # when the first batch of the last entry was acknowledged

    def resume(self, done: int, acknowledged: int, *, now: float) -> None:
        """Go on from what the database remembers. Sendings not made before are made a full delay from now."""
        self.done = done
        self._due.clear()
        if done < acknowledged:
            self._due.append((acknowledged, now + self.delay))
            self._opened = now

    def delivered(self, last: int, *, at: float) -> None:
        """Note that everything up to batch ``last`` was acknowledged for the first time."""
        if self._due and at - self._opened < self.together:
            self._due[-1] = (last, at + self.delay)
        else:
            self._due.append((last, at + self.delay))
            self._opened = at

    def due(self, now: float) -> int | None:
        """Return the last batch that is to be sent again by ``now``; None when there is none."""
        last = None
        for batch, due in self._due:
            if due > now:
                break
            last = batch
        return last

    def overdue(self, now: float) -> bool:
        """Tell whether a sending is later than by half its delay."""
        return self.due(now - self.delay / 2) is not None

    def sent(self, last: int) -> None:
        """Note that everything up to batch ``last`` was acknowledged again."""
        self.done = max(self.done, last)
        while self._due and self._due[0][0] <= self.done:
            self._due.popleft()

    def reset(self, done: int) -> None:
        """Forget all that waits: a flush, or the database, has made ``done`` the last batch."""
        self.done = done
        self._due.clear()

    def next_moment(self) -> float | None:
        """Return when the next sending is due; None when there is none."""
        return self._due[0][1] if self._due else None
