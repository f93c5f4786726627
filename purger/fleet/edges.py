"""Reads the edges: every one with its settings and recorded state, or the enabled ones as a purger follows them.

Commands, audits and the status list all edges. A purger reads only the enabled ones that it has claimed, each with the
progress from which it goes on and the flush that somebody asked for.
"""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import starmap
from typing import Any, NamedTuple

from purger.model import Edge, FlushRequest, SavedProgress, trust_ends_by
from takedown_db.connection.lasting_connection import Connection

#: The settings, the first columns of an enabled edge.
_SETTINGS = len(fields(Edge))


@dataclass(frozen=True, slots=True)
class ListedEdge:
    """A row of `edges`, in the order of the statement ``list_edges``. The fields are the keys of `edge list --json`."""

    name: str
    purge_url: str
    public_url: str
    token_file: str
    enabled: bool
    instance: str | None  # the varnishd process that answered last
    acknowledged: int  # the last batch of those that the edge has acknowledged without a gap
    seen_at: datetime | None  # UTC, the database's clock: the last answer to a purger
    epoch: datetime | None  # UTC, the edge's clock: the last heartbeat that it accepted
    problem: str | None  # that the purger has with this edge: kind and text
    ca_file: str | None
    certificate_file: str | None
    key_file: str | None
    purger: str | None  # the id of the purger that has claimed the edge
    lease: float | None  # seconds for which it trusts its cache after a heartbeat, as it last said; 0: it never stops

    @property
    def trust_ends_by(self) -> datetime | None:
        """When it stops trusting its cache, if no purger reaches it again: see ``purger.model.trust_ends_by``."""
        return trust_ends_by(self.seen_at, self.lease)

    @property
    def settings(self) -> Edge:
        """The settings, as the client of an edge takes them."""
        return Edge(
            name=self.name,
            purge_url=self.purge_url,
            public_url=self.public_url,
            token_file=self.token_file,
            ca_file=self.ca_file,
            certificate_file=self.certificate_file,
            key_file=self.key_file,
        )


def list_edges(connection: Connection) -> list[ListedEdge]:
    """Read all edges, enabled or not, by name. Raises ``DatabaseUnavailableError``."""
    return [replace(edge, enabled=bool(edge.enabled)) for edge in starmap(ListedEdge, connection.rows("list_edges"))]


class EnabledEdge(NamedTuple):
    """An enabled edge as the database has it: the columns of its row, in the order of the fields of the three values.

    These are made when they are needed. A purger reads all its edges each second, and few of them have changed.
    """

    row: tuple[Any, ...]

    @property
    def edge(self) -> Edge:
        """Its settings."""
        return Edge(*self.row[:_SETTINGS])

    @property
    def saved(self) -> SavedProgress:
        """Its recorded progress."""
        return SavedProgress(*self.row[_SETTINGS:-2])

    @property
    def asked(self) -> FlushRequest | None:
        """The flush that an operator asks for."""
        flush, by = self.row[-2:]
        return None if flush is None else FlushRequest(flush, by)

    @property
    def wanted(self) -> tuple[Any, ...]:
        """All but its progress: what somebody has set or asked for."""
        return (*self.row[:_SETTINGS], *self.row[-2:])


def followed_edges(connection: Connection, purger: str | None = None) -> list[EnabledEdge]:
    """Read all enabled edges, or those that ``purger`` has claimed, by name. Raises ``DatabaseUnavailableError``."""
    return [EnabledEdge(row) for row in connection.rows("enabled_edges", purger=purger)]
