"""Reads the edges: every one with its settings and recorded state, or the enabled ones as a purger follows them.

Commands, audits and the status list all edges. A purger reads only the enabled ones that it has claimed, each with the
progress from which it goes on and the flush that somebody asked for.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import starmap
from typing import NamedTuple

from purger.model import Edge, FlushRequest, SavedProgress
from takedown_db.connection.lasting_connection import Connection


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
    seen_at: datetime | None  # UTC, the purger's clock: the last answer to a purger
    epoch: datetime | None  # UTC, the edge's clock: the last heartbeat that it accepted
    problem: str | None  # that the purger has with this edge: kind and text
    ca_file: str | None
    certificate_file: str | None
    key_file: str | None
    purger: str | None  # the id of the purger that has claimed the edge

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
    """An enabled edge as the database has it."""

    edge: Edge
    saved: SavedProgress
    asked: FlushRequest | None


class _Row(NamedTuple):
    """A row of the statement ``enabled_edges``, column by column."""

    name: str
    purge_url: str
    public_url: str
    token_file: str
    ca_file: str | None
    certificate_file: str | None
    key_file: str | None
    instance: str | None
    acknowledged: int
    rebounded: int
    rebounded_later: int
    rebounded_last: int
    triggers: str | None
    epoch: float | None
    flushed_at: float | None
    flush_number: int | None
    flush_by: str


def followed_edges(connection: Connection, purger: str | None = None) -> list[EnabledEdge]:
    """Read all enabled edges, or those that ``purger`` has claimed, by name. Raises ``DatabaseUnavailableError``."""
    return [_followed(_Row(*row)) for row in connection.rows("enabled_edges", purger=purger)]


def _followed(row: _Row) -> EnabledEdge:
    edge = Edge(
        name=row.name,
        purge_url=row.purge_url,
        public_url=row.public_url,
        token_file=row.token_file,
        ca_file=row.ca_file,
        certificate_file=row.certificate_file,
        key_file=row.key_file,
    )
    saved = SavedProgress(
        instance=row.instance,
        acknowledged=row.acknowledged,
        rebounded=row.rebounded,
        rebounded_later=row.rebounded_later,
        rebounded_last=row.rebounded_last,
        triggers=row.triggers,
        epoch=row.epoch,
        flushed_at=row.flushed_at,
    )
    asked = None if row.flush_number is None else FlushRequest(row.flush_number, row.flush_by)
    return EnabledEdge(edge, saved, asked)
