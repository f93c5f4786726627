"""Defines the steps that a worker takes for one edge: ``progress`` chooses them, ``worker`` carries them out."""

from dataclasses import dataclass

from purger.model import Position


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the edge for its instance, clock and position; ``fresh``: over a new connection."""

    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Flush:
    """Empty the edge, which is then at ``head``."""

    reason: str  # for the log
    head: Position
    triggers: str  # their fingerprint when ``head`` was read
    request: int = 0  # the number of the operator's latest request for a flush, which this flush answers too


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Send a heartbeat with ``epoch``, a time of the edge's own clock."""

    epoch: str


@dataclass(frozen=True, slots=True)
class Rebound:
    """Deliver the batches after ``after`` up to ``last`` again; ``turn`` counts from 0, the prompt one."""

    turn: int
    after: int
    last: int


@dataclass(frozen=True, slots=True)
class Deliver:
    """Deliver the batches after ``after`` up to ``head``; ``rebound``, if it is due, may go in the same request.

    ``rebound_first``: one that may not goes before the delivery, since it is overdue.
    """

    after: int
    head: int
    rebound: Rebound | None = None
    rebound_first: bool = False


@dataclass(frozen=True, slots=True)
class FlushRebound:
    """Send the last flush a second time."""


@dataclass(frozen=True, slots=True)
class LateFlushRebound:
    """Remove the objects that the edge fetched before its last flush, ``older`` seconds ago."""

    older: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for so many seconds, unless something new is found.

    ``for_verification``: the next verification is new too, since a heartbeat is due.
    """

    seconds: float
    for_verification: bool = False


Step = Ask | Flush | Heartbeat | Deliver | Rebound | FlushRebound | LateFlushRebound | Wait
