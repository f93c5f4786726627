"""Defines the rows that an audit compares with leaves, and the progress of the log and of pruning."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from purger.signed_log.audit.report import AuditReport


@dataclass(frozen=True, slots=True)
class Reach:
    """Progress of the log and of the pruning of rows, in batches and in ids of `moderation_log`."""

    first_batch: int  # the first that is in the log
    last_batch: int
    last_event: int  # entries up to this one that caused no purge are in the log
    began_at: str  # time of the first leaf (UTC)
    outbox_pruned: int  # rows of batches up to this one may be gone, but for bans and lifts
    receipts_pruned: int  # rows of batches up to this one may be gone, bans and receipts too


class PurgeRow(NamedTuple):
    """A row of `invalidations`."""

    id: int
    batch: int | None
    scope: str
    subject: str
    cause: str
    ban_id: int | None


class ReceiptRow(NamedTuple):
    """A row of `receipts`. Times are UTC."""

    edge: str
    batch: int
    first_batch: int
    method: str
    instance: str
    acknowledged_at: datetime


class ProbeRow(NamedTuple):
    """A row of `sightings`. Times are UTC."""

    edge: str
    invalidation: int
    code: str
    seen_at: datetime
    status: int | None
    gone: int
    looked: int | None
    images: int | None
    note: str | None


class Unlogged(NamedTuple):
    """A row without a leaf: its table, its key in words, and the kind and members by which a leaf would be found."""

    table: str
    key: str
    kind: str
    members: tuple[Any, ...]


def compare_columns(
    table: str,
    key: object,
    database: Mapping[str, object],
    log: Mapping[str, object],
    report: AuditReport,
    columns: Mapping[str, str] | None = None,
) -> None:
    """Add each member of a leaf that differs from the row; ``columns`` names the column of each, if it differs."""
    for member, value in database.items():
        if log.get(member) != value:
            report.differs(table, key, (columns or {}).get(member, member), log.get(member), value)
