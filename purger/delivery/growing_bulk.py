"""Puts the delivery of a bulk off while its rows are still numbered: together they take fewer requests."""

from collections.abc import Callable

from purger.outbox.batches import Batches
from purger.outbox.plan import SINGLES

#: Longest time in seconds that a delivery is put off. Lists are cut by last characters, some 60 of them: a delivery of
#: 2,000 codes takes as many requests as one of 20,000, and each request adds to the bans that hits are tested against.
_LONGEST = 0.2

#: Rows that are worth a delivery at once: their lists are nearly full.
_ENOUGH = 20_000


class GrowingBulk:
    """Tells how long one edge's next delivery is put off."""

    def __init__(self, batches: Batches, more_to_come: Callable[[], bool]) -> None:
        """Put deliveries off while ``more_to_come`` returns True: committed rows wait for their numbers."""
        self._batches = batches
        self._more_to_come = more_to_come
        self._after: int | None = None
        self._until = 0.0

    def rest(self, after: int, head: int, *, now: float) -> float:
        """Return the seconds for which to put off the batches after ``after`` up to ``head``; 0.0: deliver them now."""
        if not self._more_to_come() or not SINGLES < self._batches.count(after, head) < _ENOUGH:
            self._after = None
            return 0.0
        if self._after != after:
            self._after, self._until = after, now + _LONGEST
        return max(0.0, self._until - now)
