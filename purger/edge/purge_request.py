"""Defines the requests to an edge's purge listener, and their headers that name its position before and after."""

from dataclasses import dataclass, field
from functools import cached_property

from purger.edge.errors import MalformedError
from purger.model import Position, Row
from takedown_base.printable import printable

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

#: Most characters of headers in a message.
_SHOWN = 160


@dataclass(frozen=True)
class Request:
    """One request to a purge listener. ``rows`` are the bans and lifts that the count in its answer is recorded for.

    Many edges get the same request at the same position. What is the same for all is made once, for the first edge.
    """

    method: str
    path: str
    headers: Headers = ()
    rows: tuple[Row, ...] = ()
    _placed_last: list[tuple[tuple[str, str, Position], "Request"]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    @cached_property
    def kind(self) -> str:
        """The method by which requests are counted: a BAN is a flush."""
        return "flush" if self.method == "BAN" else self.method.lower()

    @cached_property
    def head(self) -> bytes:
        """The request as it is sent, without the fields of one edge and the end. Raises ``MalformedError``."""
        lines = (f"{self.method} {self.path} HTTP/1.1", *field_lines(self.headers), "")
        return "\r\n".join(lines).encode()

    @cached_property
    def leads_to(self) -> Position | None:
        """The position of an edge after it has carried out the request; None if the position does not change."""
        return next((Position.read(value) for name, value in self.headers if name == BATCH), None)

    def with_headers(self, headers: Headers) -> "Request":
        """Return the same request with further headers."""
        return Request(self.method, self.path, self.headers + headers, self.rows)

    def moving(self, to: str, at: Position) -> "Request":
        """Return the purge that moves an edge from ``at`` to the position ``to``, if it is ``at`` that one."""
        return self._placed(BATCH, to, at)

    def part_of(self, batch: int, at: Position) -> "Request":
        """Return the purge that is part of a batch: the edge keeps no answer from before that batch.

        If the edge is no longer ``at`` that position, it treats the request as a manual purge.
        """
        return self._placed(PART_OF, str(batch), at)

    def _placed(self, name: str, value: str, at: Position) -> "Request":
        key = (name, value, at)
        if not self._placed_last or self._placed_last[0][0] != key:
            self._placed_last[:] = [(key, self.with_headers(((name, value), (AFTER, str(at)))))]
        return self._placed_last[0][1]


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


def field_lines(headers: Headers) -> list[str]:
    """Make the lines of headers. Raises ``MalformedError``."""
    values = "".join(value for _, value in headers)
    if not (values.isascii() and values.isprintable()):
        raise MalformedError(f"HTTP cannot send {printable(dict(headers))[:_SHOWN]}")
    return [f"{name}: {value}" for name, value in headers]


def at_position(position: Position) -> Headers:
    """Make the header of a flush, which moves an edge to ``position``, or of a heartbeat, which requires it."""
    return ((BATCH, str(position)),)
