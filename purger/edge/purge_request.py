"""Makes the request headers that name the batch of a purge, and an edge's position before and after it."""

from purger.model import Position

#: The header of the position that an edge has after a request, in requests and answers; of a heartbeat a precondition.
BATCH = "Takedown-Batch"

#: The header of the position that an edge must be at, beside the two others.
AFTER = "Takedown-After"

#: The header of the batch that a purge is part of, without moving the position.
PART_OF = "Takedown-Part-Of"

#: Names and values of headers.
Headers = tuple[tuple[str, str], ...]


def at_position(position: Position) -> Headers:
    """Make the header of a flush, which moves an edge to ``position``, or of a heartbeat, which requires it."""
    return ((BATCH, str(position)),)


def moving(to: str, at: Position) -> Headers:
    """Make the headers of a purge that moves an edge from ``at`` to the position ``to``, if it is ``at`` that one."""
    return ((BATCH, to), (AFTER, str(at)))


def part_of(batch: int, at: Position | None) -> Headers:
    """Make the headers of a purge that is part of a batch: the edge keeps no answer from before that batch.

    An edge that is not ``at`` the position may be of another database by now, and then takes it for a purge by hand.
    """
    after = () if at is None else ((AFTER, str(at)),)
    return ((PART_OF, str(batch)), *after)
