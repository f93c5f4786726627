"""Remembers how large ids were, so that a fast look at the outbox can leave out what was written longer ago."""

from collections import deque


class IdWindow:
    """The ids of the last ``age`` seconds.

    An id is given at the INSERT and seen at the COMMIT. Rows that waited for their COMMIT for longer than ``age`` are
    found by a look at all rows; so are those of a transaction that is still open and would cost each look their number.
    """

    def __init__(self, age: float) -> None:
        self._age = age
        self._noted: deque[tuple[float, int]] = deque()

    def note(self, largest: int, *, at: float) -> None:
        """Note the largest id that there was at ``at``, in seconds of the monotonic clock."""
        if self._noted and largest < self._noted[-1][1]:
            self._noted.clear()  # the database has gone back, and ids come again
        self._noted.append((at, largest))
        while len(self._noted) > 1 and self._noted[1][0] <= at - self._age:
            self._noted.popleft()

    def start(self, now: float) -> int | None:
        """Return the id beyond which rows are of the last ``age`` seconds; None while that is not known."""
        if self._noted and self._noted[0][0] <= now - self._age:
            return self._noted[0][1]
        return None
