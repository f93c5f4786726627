"""Reads the receipts of one code, owner or digest from one snapshot of the database."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from mysql.connector.abstracts import MySQLCursorAbstract

from purger.model import ProbeNote, trust_ends_by
from purger.receipts.model import (
    BanRecord,
    EdgeReceipt,
    Erasure,
    KnownEdge,
    LogEntry,
    Ownership,
    Purge,
    ReceiptsReport,
)
from purger.text_format import counted
from takedown_base.scope import Scope
from takedown_db.connection.lasting_connection import Connection, fetch
from takedown_db.schema.triggers import judge_triggers


class _Found(NamedTuple):
    """The bans on a subject, and the purges that were sent again for it."""

    bans: list[BanRecord]
    resends: list[Purge]
    ownerships: list[Ownership]
    digest: str | None = None  # of the original that the image has now


def read_receipts(connection: Connection, scope: Scope, subject: str) -> ReceiptsReport:
    """Read the bans on ``subject``.

    Of a code also those on each owner that it had while they were in force, and those on the original that it has now.
    Its former originals are not on record. Raises ``DatabaseUnavailableError``.
    """
    triggers = judge_triggers(connection.rows("present_triggers"))
    with connection.snapshot() as cursor:
        found = _of_code(cursor, subject) if scope is Scope.IMAGE else _on(cursor, scope, subject)
        pruned_until = next((until for (until,) in fetch(cursor, "receipts_pruned_until")), None)
        flushes = _flushes(cursor, [ban for ban in found.bans if ban.hides and ban.purge is None])
        edges = _known_edges(cursor)
    return ReceiptsReport(
        code=subject if scope is Scope.IMAGE else None,
        owner=subject
        if scope is Scope.OWNER
        else next((each.owner for each in found.ownerships if not each.until), None),
        digest=subject if scope is Scope.DIGEST else found.digest,
        ownerships=tuple(found.ownerships),
        bans=tuple(sorted(found.bans, key=lambda ban: ban.id)),
        resends=tuple(found.resends),
        edges=tuple(edges),
        pruned_until=pruned_until,
        flushes=flushes,
        triggers=triggers,
    )


def _known_edges(cursor: MySQLCursorAbstract) -> list[KnownEdge]:
    return [
        KnownEdge(
            name=name,
            public_url=public_url,
            enabled=bool(enabled),
            added_at=added_at,
            triggers=triggers,
            trust_ends_by=(ends := trust_ends_by(seen_at, lease)),
            lingers=not enabled and ends is not None and ends > now,
            instance=instance,
        )
        for name, public_url, enabled, added_at, triggers, instance, seen_at, lease, now in fetch(
            cursor, "receipts_known_edges"
        )
    ]


def _of_code(cursor: MySQLCursorAbstract, code: str) -> _Found:
    found = _on(cursor, Scope.IMAGE, code)
    ownerships = _ownerships(cursor, code)
    bans = found.bans
    # Few images have had more than two owners.
    for owner in dict.fromkeys(each.owner for each in ownerships):
        on_owner = _on(cursor, Scope.OWNER, owner, code)
        bans += [covered for ban in on_owner.bans if (covered := covering(ban, ownerships))]
    ((digest,),) = fetch(cursor, "digest_of_code", code=code)
    if digest is not None:
        bans += _on(cursor, Scope.DIGEST, digest, code).bans
    return _Found(bans, found.resends, ownerships, digest)


def _ownerships(cursor: MySQLCursorAbstract, code: str) -> list[Ownership]:
    """Read the owners of an image in their order, the present one last."""
    found: list[Ownership] = []
    since = None
    for owner, at, account, became in fetch(cursor, "receipts_moves", code=code):
        found.append(Ownership(owner=owner, since=since, until=at, account=account, became=became))
        since = at
    return found + [Ownership(owner=owner, since=since) for (owner,) in fetch(cursor, "image_owner", code=code)]


def covering(ban: BanRecord, ownerships: list[Ownership]) -> BanRecord | None:
    """Narrow a ban on an owner to an image with these ``ownerships``. None: it never covered the image."""
    covered = [
        each
        for each in ownerships
        if each.owner == ban.subject
        and (each.until is None or ban.begun < each.until)
        and (each.since is None or ban.ended is None or ban.ended > each.since)
    ]
    if not covered:
        return None
    return replace(ban, left=None if covered[-1].until is None else covered[-1])


def _on(cursor: MySQLCursorAbstract, scope: Scope, subject: str, image: str = "") -> _Found:
    """Read the bans on one subject, and the purges that were sent again for it.

    ``image`` is the code whose probe results count, of a ban on its owner or digest; empty: those of the subject as a
    whole.
    """
    on = {"scope": scope, "subject": subject}
    # The bans first: every ban that is read then has its purge.
    rows = {ban: columns for ban, *columns in fetch(cursor, "receipts_bans", **on)}
    entries: dict[int, list[LogEntry]] = defaultdict(list)
    for ban, *columns in fetch(cursor, "receipts_log", **on):
        entries[ban].append(LogEntry(*columns))
    purges: dict[int | None, list[Purge]] = defaultdict(list)
    for ban, *columns in fetch(cursor, "receipts_purges", **on):
        purge = Purge(*columns)
        purges[ban].append(replace(purge, edges=_edge_receipts(cursor, purge, scope, image)))
    ids = sorted(rows.keys() | entries.keys() | {ban for ban in purges if ban is not None})
    bans = [
        _ban(BanRecord(id=ban, scope=scope, subject=subject), rows.get(ban), entries[ban], purges[ban]) for ban in ids
    ]
    if scope is Scope.DIGEST:
        erasures = {
            ban: Erasure(begun_at, done_at, int(erased), int(kept), account)
            for ban, begun_at, done_at, erased, kept, account in fetch(cursor, "receipts_erasures", digest=subject)
        }
        bans = [replace(ban, erasure=erasures.get(ban.id)) for ban in bans]
    return _Found(bans, purges[None], [])


def _edge_receipts(cursor: MySQLCursorAbstract, purge: Purge, scope: Scope, image: str) -> tuple[EdgeReceipt, ...]:
    rows = fetch(cursor, "receipts_edges", invalidation=purge.id, batch=purge.batch, code=image)
    return tuple(_edge_receipt(row, scope, image) for row in rows)


def _edge_receipt(row: tuple[Any, ...], scope: Scope, image: str) -> EdgeReceipt:
    """Make a receipt. The last column is the note of the owner or digest as a whole."""
    *columns, whole_note = row
    receipt = EdgeReceipt(*columns)
    if receipt.gone is not None:
        receipt = replace(receipt, gone=bool(receipt.gone))
    if not image or receipt.seen_at or receipt.note:
        return receipt
    return replace(receipt, note=_not_probed(receipt.others, whole_note, scope))


def _not_probed(others: int, whole_note: str | None, scope: Scope) -> str | None:
    """Say why the one image of a banned owner or digest that was asked for has no probe result."""
    of_subject = "of the owner" if scope is Scope.OWNER else "with these bytes"
    if others:
        were = "was" if others == 1 else "were"
        return f"not probed: {counted(others, 'other image')} {of_subject} {were}"
    return f"not probed: there were no images {of_subject} then" if whole_note == ProbeNote.NO_IMAGES else whole_note


def _ban(ban: BanRecord, row: Sequence[Any] | None, entries: list[LogEntry], purges: list[Purge]) -> BanRecord:
    """Complete a ban from the columns of its row, or where that was deleted from its last log entry."""
    known = replace(ban, events=tuple(entries), purges=tuple(purges))
    if row is not None:
        reason, banned_by, banned_at, lifted_at, lifted_by, lift_reason, name = row
        return replace(
            known,
            reason=reason,
            banned_by=banned_by,
            banned_at=banned_at,
            lifted_at=lifted_at,
            lifted_by=lifted_by,
            lift_reason=lift_reason,
            name=name,
            stands=lifted_at is None,
        )
    if entries:
        last = entries[-1]
        return replace(
            known,
            reason=last.reason,
            banned_by=last.banned_by,
            lifted_by=last.lifted_by,
            lift_reason=last.lift_reason,
        )
    return known


def _flushes(cursor: MySQLCursorAbstract, bans: list[BanRecord]) -> dict[tuple[int, str], datetime]:
    """Read when each edge acknowledged its first flush after each of these bans, by id of the ban and edge."""
    return {
        (ban.id, edge): at
        for ban in bans
        for edge, at in fetch(cursor, "receipts_flushes", since=ban.last_banned.at if ban.last_banned else ban.begun)
    }
