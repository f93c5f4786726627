"""Writes the lines about a takedown in the purger's log on stderr: its number, its acknowledgements, its probes."""

import logging
from typing import NamedTuple

from purger.model import ProbeResult, Receipt
from purger.records.batch_bans import SINGLES, BatchBans, RowBan
from takedown_base.log_format import log_event

log = logging.getLogger("purger.takedowns")

#: Edges up to which each has a line of its own for the same batches.
_EDGES = 20


class Group(NamedTuple):
    """The batches that several edges have acknowledged in the same way."""

    first: int
    last: int
    method: str


def log_number(batch: BatchBans) -> None:
    """Log the bans of a batch that was numbered, each in a line; of a bulk their first and last id."""
    if batch.rows:
        for row in batch.rows:
            log_event(
                log,
                logging.INFO,
                "numbered",
                ban=row.ban,
                row=row.row,
                batch=row.batch,
                cause=row.cause,
                scope=row.scope,
                subject=row.subject,
            )
        return
    level = logging.INFO if batch.changes else logging.DEBUG
    log_event(
        log,
        level,
        "numbered",
        batch=batch.batch,
        changes=batch.size,
        ban_count=batch.changes or None,
        first_ban=batch.first,
        last_ban=batch.last,
    )


def log_acknowledgements(group: Group, receipts: list[Receipt], batches: list[BatchBans]) -> None:
    """Log a line for each edge, or a single one if they are many."""
    changes = sum(batch.changes for batch in batches)
    level = logging.INFO if changes else logging.DEBUG
    bans = [row.ban for batch in batches for row in batch.rows] if changes <= SINGLES else None
    begun = min((batch.begun for batch in batches if batch.begun is not None), default=None)
    first = group.first if group.first != group.last else None
    slowest = max(receipt.at for receipt in receipts)
    many = len(receipts) > _EDGES
    for receipt in receipts[:1] if many else receipts:
        log_event(
            log,
            level,
            "acknowledged",
            bans=bans or None,
            ban_count=changes if bans is None else None,
            first_batch=first,
            batch=group.last,
            edge=None if many else receipt.edge,
            edges=[each.edge for each in receipts] if many else None,
            method=group.method,
            instance=None if many else receipt.instance,
            seconds=None if begun is None else max(0.0, (slowest if many else receipt.at) - begun),
        )


def log_probe(result: ProbeResult, ban: RowBan | None) -> None:
    """Log what a probe has seen. One that proved nothing is repeated, and logged only with ``--verbose``."""
    if result.gone is None:
        level, message = logging.DEBUG, "not proven gone"
    elif result.gone:
        level, message = logging.INFO, "seen gone"
    else:
        level, message = logging.WARNING, "seen shown"
    log_event(
        log,
        level,
        message,
        ban=None if ban is None else ban.ban,
        row=result.invalidation,
        batch=None if ban is None else ban.batch,
        edge=result.edge,
        scope=result.scope or None,
        subject=result.subject or None,
        status=result.status,
        note=result.note,
        seconds=None if ban is None or result.at is None else max(0.0, result.at - ban.begun),
    )
