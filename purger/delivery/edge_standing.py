"""Keeps what an edge last said of its mode and its lease. Pure: no clock, network or database."""

from dataclasses import dataclass

#: All modes: those that an edge names, and that of one which has not answered yet, or names none.
MODES = ("trusted", "fail-safe", "unguarded", "unknown")


@dataclass(slots=True)
class EdgeStanding:
    """The mode and the lease of one edge. Times are in seconds of the monotonic clock, unless they say otherwise."""

    mode: str | None = None
    until: float | None = None  # when the lease ends; None: the edge does not tell, or needs none

    def heard(self, mode: str | None, *, left: float | None, at: float) -> None:
        """Note an answer to a HEARTBEAT that arrived ``at``, and the seconds that are ``left`` of the lease."""
        self.mode = mode
        if mode == "fail-safe":
            self.until = at
        else:
            self.until = at + left if mode == "trusted" and left is not None else None

    def mode_at(self, now: float) -> str:
        """Return the mode at ``now``: an edge whose lease has run out is in fail-safe mode, whatever it last said."""
        if self.mode == "trusted" and self.until is not None and self.until <= now:
            return "fail-safe"
        return self.mode if self.mode in MODES else "unknown"

    def lease_left(self, now: float) -> float | None:
        """Return the seconds until the lease ends, 0 where it has ended; None where the edge does not tell."""
        return None if self.until is None else max(0.0, self.until - now)
