"""Defines the requests to an edge's purge listener, and their headers that name its position before and after."""

from dataclasses import dataclass

from purger.model import Position, Row

#: The header with the position of an edge after a request; in a heartbeat, the position that the edge must be at.
BATCH = "Takedown-Batch"

#: The header of a purge with the position that the edge must be at before it.
AFTER = "Takedown-After"

#: The header of a purge with the batch that it is a part of; the edge's position stays.
PART_OF = "Takedown-Part-Of"

#: The header of a PURGE with the tags whose objects it removes.
TAGS = "Takedown-Tags"

#: Names and values of headers.
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One request to a purge listener. ``rows`` are the bans and lifts that the count in its answer is recorded for."""

    method: str
    path: str
    headers: Headers = ()
    rows: tuple[Row, ...] = ()

    @property
    def kind(self) -> str:
        """The method by which requests are counted: a BAN is a flush."""
        return "flush" if self.method == "BAN" else self.method.lower()

    def with_headers(self, headers: Headers) -> "Request":
        """Return the same request with further headers."""
        return Request(self.method, self.path, self.headers + headers, self.rows)


#: The request that asks for an edge's instance, clock and mode, and renews nothing.
HEARTBEAT = Request("HEARTBEAT", "/")

#: The request that removes all objects.
FLUSH = Request("BAN", "/", (("Takedown-All", "1"),))


def purge(tags: str, rows: tuple[Row, ...] = ()) -> Request:
    """Make the request that removes all objects with one of ``tags``, which have commas between them."""
    return Request("PURGE", "/", ((TAGS, tags),), rows)


def late_flush(older: float) -> Request:
    """Make the request that removes all objects that were fetched more than ``older`` seconds ago."""
    return FLUSH.with_headers((("Takedown-Older", f"{older:.3f}"),))


def heartbeat(epoch: str, position: Position) -> Request:
    """Make the request that confirms to an edge, if it is at ``position``, that it has all from before ``epoch``.

    That is a time of the edge's own clock, as it wrote it.
    """
    return HEARTBEAT.with_headers((("Takedown-Epoch", epoch), *at_position(position)))


def at_position(position: Position) -> Headers:
    """Make the header of a flush, which moves an edge to ``position``, or of a heartbeat, which requires it."""
    return ((BATCH, str(position)),)


def moving(to: str, at: Position) -> Headers:
    """Make the headers of a purge that moves an edge from ``at`` to the position ``to``, if it is ``at`` that one."""
    return ((BATCH, to), (AFTER, str(at)))


def part_of(batch: int, at: Position) -> Headers:
    """Make the headers of a purge that is part of a batch: the edge keeps no answer from before that batch.

    If the edge is no longer ``at`` that position, it treats the request as a manual purge.
    """
    return ((PART_OF, str(batch)), (AFTER, str(at)))
