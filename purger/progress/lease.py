"""Decides up to which time of its own clock an edge may be told that it has every purge, and so trust its cache."""

import math
from dataclasses import dataclass

from purger.model import Verification

#: Heartbeat intervals for which an epoch waits to be verified before a later one takes its place. Not derived from the
#: lease, which the purger does not know. With an interval of 1 s they are as long as the lease (10 s): an epoch older
#: than that would renew nothing.
_PATIENCE = 10


@dataclass(slots=True)
class Lease:
    """The lease of one edge. All times in seconds of the monotonic clock, but for ``epoch``.

    ``epoch`` is a time of the edge's own clock, as the edge wrote it. Once it has been received, a verification is
    asked for; the batches that this finds hold all that was committed before ``epoch``, and more.
    """

    interval: float
    epoch: str | None = None
    received: float = 0.0
    heard: float = 0.0  # when the edge last answered
    ticket: int = 0
    due: float = 0.0  # when the next heartbeat is due
    _first: Verification | None = None

    def answered(self, epoch: str, *, at: float, ticket: int) -> None:
        """Keep the clock that an answer carried. ``ticket`` was drawn after the answer had arrived."""
        self.epoch, self.received, self.ticket, self._first = epoch, at, ticket, None
        self.heard_from(at=at)

    def heard_from(self, *, at: float) -> None:
        """Note an answer whose clock is not kept."""
        self.heard = at

    def awaits_verification(self, now: float) -> bool:
        """Tell whether the epoch is kept although the edge has named a later one.

        A database that is far away takes longer to verify an epoch than the edge to name the next. If the next one
        took its place each time, none would ever be verified.
        """
        return self.epoch is not None and now - self.received < _PATIENCE * self.interval

    def verified_by(self, verification: Verification) -> Verification | None:
        """Return the first verification that covers the epoch, given the latest one; None when there is none yet.

        Under a bulk or a steady stream the head of the latest one moves on as fast as batches are delivered. None as
        well while triggers are missing: changes that were committed meanwhile have left no row.
        """
        if self.epoch is None or verification.ticket < self.ticket or verification.triggers.missing:
            return None
        if self._first is None:
            self._first = verification
        return self._first

    def doubt(self) -> None:
        """Compare the epoch with the next verification, and no longer with the first one."""
        self._first = None

    def forget(self) -> None:
        """Drop the epoch, and have the edge asked for another at once: the batches that verified it are gone."""
        self.epoch, self.heard, self._first = None, -math.inf, None

    def renewed(self, *, at: float) -> None:
        """Note that a heartbeat was accepted. The next is due an interval later, or at once if its epoch was old."""
        self.due = at if at - self.received > 2 * self.interval else at + self.interval

    def stale(self, now: float) -> bool:
        """Tell whether the edge should be asked again, since it has not answered for two intervals."""
        return now - self.heard >= 2 * self.interval
