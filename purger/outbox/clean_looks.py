"""Remembers the moments at which nothing committed was without a number: later batches were committed after them."""

from collections import deque
from typing import NamedTuple

#: Looks that are kept: a minute of them at least.
_KEPT = 1200


class _Look(NamedTuple):
    """Whatever was committed ``at`` (seconds since 1970, the purger's clock) is in the batches up to ``head``."""

    head: int
    at: float


class CleanLooks:
    """The looks of the last minute; one thread adds, another one reads."""

    def __init__(self) -> None:
        self._looks: deque[_Look] = deque(maxlen=_KEPT)

    def add(self, head: int, *, at: float) -> None:
        """Note that all rows that were committed ``at`` are in the batches up to ``head``."""
        self._looks.append(_Look(head, at))

    def before(self, batch: int) -> float | None:
        """Return the latest moment before which no row of ``batch`` was committed; None where none is known."""
        return max((look.at for look in self._looks.copy() if look.head < batch), default=None)
