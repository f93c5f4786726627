"""Reads the enabled edges alone, as a purger needs them: each with its saved progress and its requested flush."""

from typing import NamedTuple

from purger.model import Edge, FlushRequest, SavedProgress
from takedown_db.connection.lasting_connection import Connection


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
