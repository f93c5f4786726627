"""Decides which timestamp of the edge's own clock the next heartbeat may confirm."""

import math
from dataclasses import dataclass

from purger.model import Verification

#: Intervals for which an epoch waits to be verified before a later one takes its place.
_PATIENCE = 10


@dataclass(slots=True)
class Lease:
    """The heartbeat of one edge. All times in seconds of the monotonic clock, but for ``epoch``.

    ``epoch`` is a time that the edge named, in its own words. Once it has been received, a verification is asked for;
    what that finds and is then delivered is all that was committed before ``epoch``, and more.
    """

    interval: float
    epoch: str | None = None
    received: float = 0.0
    heard: float = 0.0  # when the edge last answered
    ticket: int = 0
    due: float = 0.0
    _first: Verification | None = None

    def answered(self, epoch: str, *, at: float, ticket: int) -> None:
        """Keep the clock that an answer carried. ``ticket`` was drawn after the answer had arrived."""
        self.epoch, self.received, self.ticket, self._first = epoch, at, ticket, None
        self.heard = at

    def awaits_verification(self, now: float) -> bool:
        """Whether the epoch is kept although the edge has named a later one.

        A database that is far away takes longer to verify one than there is between two answers of the edge: were each
        replaced by the next, none would ever be verified.
        """
        return self.epoch is not None and now - self.received < _PATIENCE * self.interval

    def verified_by(self, verification: Verification) -> Verification | None:
        """Return the first verification that covers the epoch, given the latest one; None when there is none yet.

        The latest asks for more under a bulk or a steady stream: its head moves on as fast as an edge is told.
        None as well while triggers are missing: what was committed meanwhile has left no trace.
        """
        if self.epoch is None or verification.ticket < self.ticket or verification.triggers.missing:
            return None
        if self._first is None:
            self._first = verification
        return self._first

    def doubt(self) -> None:
        """Hold the epoch against the latest verification, and no longer against the first one."""
        self._first = None

    def forget(self) -> None:
        """Drop the epoch, and have the edge asked for another at once: the batches that verified it are gone."""
        self.epoch, self.heard, self._first = None, -math.inf, None

    def beaten(self, *, at: float) -> None:
        """A heartbeat was accepted. The next is due an interval later, or at once when its epoch was an old one."""
        self.due = at if at - self.received > 2 * self.interval else at + self.interval

    def stale(self, now: float) -> bool:
        """Whether the edge should be asked again: nothing has been heard of it for two intervals."""
        return now - self.heard >= 2 * self.interval
