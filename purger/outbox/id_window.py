"""Remembers the largest ids of the outbox, so that a poll can leave out rows that were written long ago."""

from collections import deque
from typing import NamedTuple


class _Noted(NamedTuple):
    """The largest id at a moment of the monotonic clock."""

    at: float
    largest: int


class IdWindow:
    """The largest ids of the last ``age`` seconds.

    An id is given at the INSERT, and its row is seen at the COMMIT. Rows that waited longer than ``age`` for their
    COMMIT are left to the verifier, which reads all rows; so are those of a transaction that is still open, each of
    which would cost every poll time.
    """

    def __init__(self, age: float) -> None:
        """Keep the ids of ``age`` seconds."""
        self._age = age
        self._noted: deque[_Noted] = deque()

    def note(self, largest: int, *, at: float) -> None:
        """Note the largest id that there was at ``at``, in seconds of the monotonic clock."""
        if self._noted and largest < self._noted[-1].largest:
            self._noted.clear()  # the database has gone back, and ids come again
        self._noted.append(_Noted(at, largest))
        while len(self._noted) > 1 and self._noted[1].at <= at - self._age:
            self._noted.popleft()

    def narrow(self, smallest: int, *, at: float) -> None:
        """Leave out the rows up to the id ``smallest`` from now on, although some were written a moment ago."""
        self._noted.clear()
        self._noted.append(_Noted(at - self._age, smallest))

    def start(self, now: float) -> int | None:
        """Return the id beyond which rows are of the last ``age`` seconds; None while that is not known."""
        if self._noted and self._noted[0].at <= now - self._age:
            return self._noted[0].largest
        return None
