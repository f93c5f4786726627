"""Make states of one edge's progress, and reports of a poller, for tests of the next step."""

from purger.model import Position, SavedProgress, Verification
from purger.progress.lease import Lease
from purger.progress.progress import Progress
from takedown_db.schema.triggers import Triggers

#: The fingerprint that the edges have been flushed with.
TRIGGERS = Triggers("all")

#: Seconds until the prompt rebound, and until the late ones.
DELAY = 0.5
LATE = (5.0, 60.0)

#: A time of an edge's clock, as the edge writes it.
CLOCK = "1700000000.500"

#: The position of an edge that has just started.
NEW = Position(0, "none")


def at(batch: int) -> Position:
    return Position(batch, f"batch-{batch}")


def verified(head: int, ticket: int = 1, triggers: Triggers = TRIGGERS) -> Verification:
    return Verification(ticket, head, triggers)


def known_edge() -> Progress:
    """Make the progress of an edge at batch 5, whose clock was heard at 100.0 and whose heartbeat is due at 101.0."""
    progress = Progress(DELAY, LATE, Lease(1.0))
    progress.resume(SavedProgress("one", 5, 5, 5, 5, "all"), now=100.0)
    progress.recognise("one", None, at(5), known=True)
    progress.lease.answered("1700000000.000", at=100.0, ticket=1)
    progress.lease.due = 101.0
    progress.instances.pending = 0
    return progress
