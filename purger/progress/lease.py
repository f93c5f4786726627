"""Decides when an edge is sent a heartbeat, which renews its lease, and with which time of its own clock (epoch). Pure.

An epoch begins the edge's lease: until the lease ends the edge trusts its cache. A heartbeat says that the edge has
every purge of what was committed before the epoch. So an epoch is only sent once a verification has covered it.
"""

import math
from dataclasses import dataclass

from purger.model import Verification

#: Heartbeat intervals for which an epoch waits to be verified before a later one replaces it. The purger does not know
#: the lease. With an interval of 1 s this is as long as the lease (10 s): an older epoch would renew nothing.
_PATIENCE = 10


@dataclass(slots=True)
class Lease:
    """The lease of one edge. All times in seconds of the monotonic clock, but for ``epoch``.

    ``epoch`` is a time of the edge's own clock, as the edge wrote it. The verification that follows (``ticket``) finds
    the batches that hold everything that was committed before ``epoch``.
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

        If the database is far away, the edge names the next epoch before the last one is verified. If each replaced the
        one before, none would ever be verified.
        """
        return self.epoch is not None and now - self.received < _PATIENCE * self.interval

    def verified_by(self, verification: Verification) -> Verification | None:
        """Return the first verification that covers the epoch, given the latest one; None if none has yet.

        Not the latest one: under a bulk or a steady stream its head moves on as fast as batches are delivered. Returns
        None also while triggers are missing: changes that were committed meanwhile have left no row.
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
