"""Compares leaves of batches and of acts of moderation with their rows, and bans with the last act on each.

It reads no database: leaves and rows come in chunks.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from purger.signed_log.audit.audited_rows import PurgeRow, Reach, Unlogged, compare_columns
from purger.signed_log.audit.report import AuditReport, Count, Words
from purger.signed_log.audit.stored_leaf import OpenedLeaf
from purger.signed_log.entries import BATCH_COLUMNS, EVENT_COLUMNS, BatchRow, EventRow, members_of, utc_text

#: The columns of a ban that each act on it has too.
_BAN_COLUMNS = ("scope", "subject", "reason", "banned_by", "banned_at", "lifted_at", "lifted_by", "lift_reason")

#: The actions whose purge has the same name as cause; the others are changes of an image.
_ACTS_ON_BANS = ("ban", "lift", "unban")


def compare_batches(
    leaves: Iterable[OpenedLeaf],
    rows: Iterable[BatchRow],
    sizes: Mapping[int, int],
    hashes: Mapping[int, str],
    reach: Reach,
    report: AuditReport,
) -> list[Unlogged]:
    """Compare the leaves of batches. ``sizes``: how many rows of the outbox each batch has; ``hashes`` are theirs."""
    by_batch = {row.batch: row for row in rows}
    unknown = sizes.keys() - by_batch.keys()
    for leaf in leaves:
        batch = leaf.source or 0
        unknown.discard(batch)
        row = by_batch.pop(batch, None)
        if leaf.pruned:
            report.count(Count.LEAVES_PRUNED)
        elif row is not None:
            report.count(Count.COMPARED)
            report.count(Count.LEAVES_ERASED, int(bool(leaf.erased)))
            made = members_of(row, BATCH_COLUMNS)
            compare_columns("batches", batch, made, leaf.members, report, BATCH_COLUMNS)
            if batch > reach.outbox_pruned:
                _compare_purges(leaf, sizes.get(batch, 0), hashes.get(batch), report)
        elif batch <= reach.receipts_pruned or (batch <= reach.outbox_pruned and batch not in sizes):
            report.row_pruned(leaf.members.get("at"))
        else:
            report.no_row("batches", batch, leaf.place)
    for batch in sorted(unknown):
        if 0 < batch < reach.first_batch:
            report.count(Count.BEFORE)
        else:
            report.differs(
                "invalidations", f"of batch {batch}", None, Words("there is no such batch"), Words("has rows of it")
            )
    unlogged = []
    for batch in by_batch:
        if 0 < batch < reach.first_batch:
            report.count(Count.BEFORE)
        elif batch > reach.last_batch:
            report.count(Count.WAITING)
        else:
            unlogged.append(Unlogged("batches", str(batch), "batch", (batch,)))
    return unlogged


def _compare_purges(leaf: OpenedLeaf, size: int, rows_hash: str | None, report: AuditReport) -> None:
    """Compare the rows of the outbox of a batch with what its leaf holds of them: their number, and their hash."""
    rows, purges = leaf.members.get("rows"), leaf.members.get("purges")
    key = f"of batch {leaf.source}"
    if size != rows:
        report.differs("invalidations", key, "rows", rows, size)
    elif purges not in (None, rows_hash):
        report.differs("invalidations", key, "hash of all rows", purges, rows_hash)


def compare_events(
    leaves: Iterable[OpenedLeaf],
    rows: Iterable[EventRow],
    purges: Mapping[int, PurgeRow],
    malformed: frozenset[int],
    standing: frozenset[int],
    reach: Reach,
    report: AuditReport,
) -> list[Unlogged]:
    """Compare the leaves of acts of moderation.

    ``purges`` are the rows of the outbox that they caused, ``malformed`` the ids of those that were taken out of it,
    ``standing`` the ids of acts on subjects that are banned now.
    """
    by_id = {row.id: row for row in rows}
    for leaf in leaves:
        row = by_id.pop(leaf.source or 0, None)
        if row is None:
            report.no_row("moderation_log", leaf.source, leaf.place)
        elif leaf.pruned:
            report.count(Count.LEAVES_PRUNED)
            if row.id in standing:
                report.differs(
                    "log_leaves", leaf.place, "content", Words("its subject is banned"), Words("has pruned it")
                )
        else:
            report.count(Count.COMPARED)
            _compare_event(leaf, row, report)
            if row.invalidation is not None:
                _compare_purge(leaf, row, purges.get(row.invalidation), reach, report)
    unlogged = []
    for row in by_id.values():
        state = _unlogged_event(row, purges, malformed, reach)
        if state is None:
            unlogged.append(Unlogged("moderation_log", str(row.id), "event", (row.id,)))
        else:
            report.count(state)
    return unlogged


def _unlogged_event(
    row: EventRow, purges: Mapping[int, PurgeRow], malformed: frozenset[int], reach: Reach
) -> Count | None:
    """Tell why an act may be in no leaf; None if it may not."""
    if row.invalidation is None:
        return None if row.id <= reach.last_event else Count.WAITING
    purge = purges.get(row.invalidation)
    if purge is None:
        # Its purge was pruned, or was malformed and so is in no batch. Acts from before the log may commit late.
        old = row.invalidation in malformed or utc_text(row.logged_at) <= reach.began_at
        return Count.BEFORE if old else None
    if purge.batch is None or purge.batch > reach.last_batch:
        return Count.WAITING
    return Count.BEFORE if purge.batch < reach.first_batch else None


def _compare_event(leaf: OpenedLeaf, row: EventRow, report: AuditReport) -> None:
    made = members_of(row, EVENT_COLUMNS)
    logged = {name: made[name] if name in leaf.erased else leaf.members.get(name) for name in made}
    if leaf.erased:
        report.count(Count.LEAVES_ERASED)
        logged |= {name: Words("something that was erased") for name in leaf.erased if made[name] is None}
    compare_columns("moderation_log", row.id, made, logged, report, EVENT_COLUMNS)


def _compare_purge(leaf: OpenedLeaf, row: EventRow, purge: PurgeRow | None, reach: Reach, report: AuditReport) -> None:
    """Compare an act with the row of the outbox that it caused."""
    batch = leaf.members.get("batch", 0)
    if purge is None:
        pruned = reach.outbox_pruned if row.ban_id is None else reach.receipts_pruned
        if batch > pruned:
            report.no_row("invalidations", row.invalidation, leaf.place)
        else:
            report.row_pruned(leaf.members.get("at"))
        return
    made = {
        "batch": purge.batch,
        "scope": purge.scope,
        "subject": purge.subject,
        "cause": purge.cause,
        "ban_id": purge.ban_id,
    }
    logged = {
        "batch": batch,
        "scope": row.scope,
        "subject": row.subject,
        "cause": row.action if row.action in _ACTS_ON_BANS else "image",
        "ban_id": row.ban_id,
    }
    compare_columns("invalidations", purge.id, made, logged, report)


class AuditedBan(NamedTuple):
    """A row of the statement ``audit_bans``: a ban, and the latest act on it, if any. Times are UTC."""

    id: int
    scope: str
    subject: str
    reason: str
    banned_by: str
    banned_at: datetime
    lifted_at: datetime | None
    lifted_by: str | None
    lift_reason: str | None
    act: int | None
    act_action: str | None
    act_scope: str | None
    act_subject: str | None
    act_reason: str | None
    act_banned_by: str | None
    act_banned_at: datetime | None  # of the ban after the act
    act_lifted_at: datetime | None
    act_lifted_by: str | None
    act_lift_reason: str | None


def compare_bans(rows: Iterable[AuditedBan], report: AuditReport) -> None:
    """Compare bans with the latest act on each. Every ban has one, since a trigger writes it."""
    for row in rows:
        if row.act is None:
            report.no_leaf("bans", row.id)
            continue
        made = members_of(row, {name: name for name in _BAN_COLUMNS})
        logged = members_of(row, {name: f"act_{name}" for name in _BAN_COLUMNS})
        compare_columns("bans", row.id, made, logged, report)
        if row.act_action == "unban":
            report.differs("bans", row.id, None, Words("it was deleted"), Words("has one"))
