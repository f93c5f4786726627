"""The lease: which time of its own an edge may be told that it has everything from."""

from dataclasses import dataclass

from purger.watch import Verification


@dataclass(slots=True)
class Lease:
    """The heartbeat of one edge. All times in seconds of the monotonic clock, but for ``epoch``.

    ``epoch`` is a time that the edge named, in its own words. Once it has been received, a verification is asked for;
    what that finds and is then delivered is all that was committed before ``epoch``, and more.
    """

    interval: float
    epoch: str | None = None
    received: float = 0.0
    ticket: int = 0
    due: float = 0.0

    def answered(self, epoch: str, *, at: float, ticket: int) -> None:
        """Keep the clock that an answer carried. ``ticket`` was drawn after the answer had arrived."""
        self.epoch, self.received, self.ticket = epoch, at, ticket

    def beaten(self, *, at: float) -> None:
        """A heartbeat was accepted. The next is due an interval later, or at once when its epoch was an old one."""
        self.due = at if at - self.received > 2 * self.interval else at + self.interval

    def covered(self, verification: Verification | None) -> bool:
        """Whether ``verification`` began after the epoch had been received, and found all triggers."""
        return (
            self.epoch is not None
            and verification is not None
            and verification.ticket >= self.ticket
            and not verification.triggers.missing
        )

    def stale(self, now: float) -> bool:
        """Whether the edge should be asked again: nothing has been heard of it for two intervals."""
        return now - self.received >= 2 * self.interval
