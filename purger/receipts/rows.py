"""Defines the rows of the statements in `takedown_db/sql/receipts.sql`, column by column. Times are UTC."""

from datetime import datetime
from typing import NamedTuple

from purger.receipts.model import EdgeReceipt, Erasure, KnownEdge, LogEntry, Purge, RecordSpan


class BanRow(NamedTuple):
    """A row of `bans`."""

    id: int
    reason: str
    banned_by: str
    banned_at: datetime
    lifted_at: datetime | None


class LogRow(NamedTuple):
    """A row of `moderation_log` on a ban."""

    ban: int
    id: int
    action: str
    at: datetime
    account: str
    reason: str
    banned_by: str
    detail: str | None
    purge: int | None

    @property
    def entry(self) -> LogEntry:
        """The entry without the id of its ban."""
        return LogEntry(
            id=self.id,
            action=self.action,
            at=self.at,
            account=self.account,
            reason=self.reason,
            banned_by=self.banned_by,
            detail=self.detail,
            purge=self.purge,
        )


class ErasureRow(NamedTuple):
    """The erasures under one ban, taken together."""

    ban: int
    begun_at: datetime | None
    done_at: datetime | None
    erased: int
    kept: int
    account: str

    @property
    def erasure(self) -> Erasure:
        """The erasure without the id of its ban."""
        return Erasure(
            begun_at=self.begun_at,
            done_at=self.done_at,
            erased=int(self.erased),
            kept=int(self.kept),
            account=self.account,
        )


class PurgeRow(NamedTuple):
    """A row of `invalidations` with the time at which its batch was numbered."""

    ban: int | None  # None: a purge that was sent again
    id: int
    cause: str
    written_at: datetime
    batch: int | None
    numbered_at: datetime | None

    def purge(self, edges: tuple[EdgeReceipt, ...]) -> Purge:
        """Make the purge with the receipts of its edges."""
        return Purge(
            id=self.id,
            cause=self.cause,
            written_at=self.written_at,
            batch=self.batch,
            numbered_at=self.numbered_at,
            edges=edges,
        )


class EdgeRow(NamedTuple):
    """The acknowledgement of a purge by one edge, with the probe result of the subject or of one image."""

    edge: str
    acknowledged_at: datetime | None
    instance: str | None
    method: str | None
    removed: int | None
    seen_at: datetime | None
    status: int | None
    gone: int | None
    note: str | None
    looked: int | None
    images: int | None
    others: int
    whole_seen_at: datetime | None  # of the subject as a whole
    whole_note: str | None  # of the subject as a whole

    @property
    def receipt(self) -> EdgeReceipt:
        """The receipt without the columns on the subject as a whole."""
        return EdgeReceipt(
            edge=self.edge,
            acknowledged_at=self.acknowledged_at,
            instance=self.instance,
            method=self.method,
            removed=self.removed,
            seen_at=self.seen_at,
            status=self.status,
            gone=None if self.gone is None else bool(self.gone),
            note=self.note,
            looked=self.looked,
            images=self.images,
            others=self.others,
        )


class KnownEdgeRow(NamedTuple):
    """A row of `edges`."""

    name: str
    public_url: str
    enabled: int
    added_at: datetime
    triggers: str | None

    @property
    def edge(self) -> KnownEdge:
        """The edge as a value."""
        return KnownEdge(
            name=self.name,
            public_url=self.public_url,
            enabled=bool(self.enabled),
            added_at=self.added_at,
            triggers=self.triggers,
        )


class MoveRow(NamedTuple):
    """A log entry of an image that left its owner."""

    owner: str
    at: datetime
    account: str
    became: str | None


class FlushRow(NamedTuple):
    """The first flush that an edge acknowledged after a time."""

    edge: str
    acknowledged_at: datetime


class SpanRow(NamedTuple):
    """The one row that says how far the record goes back."""

    tables_made: datetime | None
    log_begins: datetime | None
    receipts_until: datetime | None
    pruned: int | None
    oldest: datetime | None

    @property
    def span(self) -> RecordSpan:
        """The span as a value."""
        return RecordSpan(
            tables_made=self.tables_made,
            log_begins=self.log_begins,
            receipts_until=self.receipts_until,
            pruned=bool(self.pruned),
            oldest=self.oldest,
        )
