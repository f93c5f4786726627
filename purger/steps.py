"""The steps that keep one edge true, as values: ``progress`` chooses them, ``worker`` carries them out."""

from dataclasses import dataclass

from purger.model import Position


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the edge for its instance, clock and position; ``fresh``: over a new connection."""

    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Flush:
    """Empty the edge: ``head`` was read before, and ``triggers`` stood then. ``reason`` is for the log."""

    reason: str
    head: Position
    triggers: str
    request: int = 0  # the request for a flush that it answers as well, of those known when it was decided on


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Send a heartbeat with ``epoch``."""

    epoch: str


@dataclass(frozen=True, slots=True)
class Deliver:
    """Deliver the batches after ``after`` up to ``head``."""

    after: int
    head: int


@dataclass(frozen=True, slots=True)
class Rebound:
    """Deliver the batches after ``after`` up to ``last`` again; ``turn`` counts from 0, the prompt one."""

    turn: int
    after: int
    last: int


@dataclass(frozen=True, slots=True)
class FlushRebound:
    """Send the last flush a second time."""


@dataclass(frozen=True, slots=True)
class LateFlushRebound:
    """Empty the edge of all that was fetched before its last flush, ``older`` seconds ago."""

    older: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do for so many seconds, unless something new is found."""

    seconds: float


Step = Ask | Flush | Heartbeat | Deliver | Rebound | FlushRebound | LateFlushRebound | Wait
