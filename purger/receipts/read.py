"""Reads the receipts of one code or owner, all from one snapshot of the database."""

from collections import defaultdict
from dataclasses import replace
from typing import Any

from mysql.connector.abstracts import MySQLCursorAbstract

from purger.probe_notes import NO_IMAGES
from purger.receipts.model import Ban, EdgeReceipt, Event, KnownEdge, Purge, Report, Restored, Span, Tenure
from purger.text_format import counted
from takedown_db.connection import Connection, fetch
from takedown_db.schema.triggers import judge_triggers

#: The triggers that put bans into the outbox.
_OF_BANS = ("bans_inserted_v1", "bans_updated_v1")


def read_receipts(connection: Connection, *, code: str | None = None, owner: str | None = None) -> Report:
    """Read all that is known of bans on ``code`` and on the owners that it had meanwhile, or of bans on ``owner``.

    Raises ``DatabaseUnavailableError``.
    """
    standing = connection.rows("standing_triggers")
    with connection.snapshot() as cursor:
        tenures, bans, resends = _of_code(cursor, code) if code is not None else _of_owner(cursor, str(owner))
        span = Span(**_named(fetch(cursor, "receipts_span"), _SPAN))
        unpurged = [ban for ban in bans if ban.hides and ban.purge is None]
        flushes = {(ban.id, edge): at for ban in unpurged for edge, at in _flushes(cursor, ban)}
        edges = [KnownEdge(**_named([row], _KNOWN)) for row in fetch(cursor, "receipts_known_edges")]
    return Report(
        code=code,
        owner=owner if owner is not None else next((each.owner for each in tenures if each.until is None), None),
        tenures=tuple(tenures),
        bans=tuple(sorted(bans, key=lambda ban: ban.id)),
        resends=tuple(resends),
        edges=tuple(edges),
        span=span,
        flushes=flushes,
        restored=_restored(standing),
    )


_SPAN = ("tables_made", "log_begins", "receipts_until", "pruned", "oldest")
_KNOWN = ("name", "public_url", "enabled", "added_at", "triggers")
_EVENT = ("id", "action", "at", "account", "reason", "banned_by", "detail", "purge")
_PURGE = ("id", "cause", "written_at", "batch", "numbered_at")
_EDGE = (
    "edge",
    "acknowledged_at",
    "instance",
    "method",
    "removed",
    "seen_at",
    "status",
    "gone",
    "note",
    "looked",
    "images",
    "others",
)
_FLAGS = ("pruned", "enabled", "gone")


def _named(rows: list[tuple[Any, ...]], names: tuple[str, ...]) -> dict[str, Any]:
    """Name the values of the first row; without one there are none."""
    values = dict(zip(names, rows[0], strict=True)) if rows else {}
    return {name: bool(value) if name in _FLAGS and value is not None else value for name, value in values.items()}


def _of_owner(cursor: MySQLCursorAbstract, owner: str) -> tuple[list[Tenure], list[Ban], list[Purge]]:
    bans, resends = _on(cursor, "owner", owner)
    return [], bans, resends


def _of_code(cursor: MySQLCursorAbstract, code: str) -> tuple[list[Tenure], list[Ban], list[Purge]]:
    bans, resends = _on(cursor, "image", code)
    tenures = _tenures(cursor, code)
    for owner in dict.fromkeys(tenure.owner for tenure in tenures):
        # One or two, hardly ever more.
        on_owner, _ = _on(cursor, "owner", owner, code)
        bans += [found for ban in on_owner if (found := covering(ban, tenures))]
    return tenures, bans, resends


def _tenures(cursor: MySQLCursorAbstract, code: str) -> list[Tenure]:
    found: list[Tenure] = []
    since = None
    for owner, until, account, became in fetch(cursor, "receipts_moves", code=code):
        found.append(Tenure(owner=owner, since=since, until=until, account=account, became=became))
        since = until
    return found + [Tenure(owner=owner, since=since) for (owner,) in fetch(cursor, "image_owner", code=code)]


def covering(ban: Ban, tenures: list[Tenure]) -> Ban | None:
    """Give a ban on an owner as it concerns an image with these ``tenures``; None: the owner had no part in it then."""
    covered = [
        tenure
        for tenure in tenures
        if tenure.owner == ban.subject
        and (tenure.until is None or ban.begun < tenure.until)
        and (tenure.since is None or ban.ended is None or ban.ended > tenure.since)
    ]
    if not covered:
        return None
    return replace(ban, left=None if covered[-1].until is None else covered[-1])


def _on(cursor: MySQLCursorAbstract, scope: str, subject: str, image: str = "") -> tuple[list[Ban], list[Purge]]:
    """Read the bans on one subject, and what was purged again for it. The bans first: each has its purge by then.

    Of an owner's bans what was seen of ``image`` is read; empty: of the owner as a whole.
    """
    on = {"scope": scope, "subject": subject}
    rows = {row[0]: row[1:] for row in fetch(cursor, "receipts_bans", **on)}
    events: dict[int, list[Event]] = defaultdict(list)
    for ban, *entry in fetch(cursor, "receipts_log", **on):
        events[ban].append(Event(**dict(zip(_EVENT, entry, strict=True))))
    purges: dict[int | None, list[Purge]] = defaultdict(list)
    for ban, *values in fetch(cursor, "receipts_purges", **on):
        purge = Purge(**dict(zip(_PURGE, values, strict=True)))
        purges[ban].append(replace(purge, edges=_at_edges(cursor, purge, image)))
    ids = sorted(rows.keys() | events.keys() | {ban for ban in purges if ban is not None})
    return [_ban(scope, subject, ban, rows.get(ban), events[ban], purges[ban]) for ban in ids], purges[None]


def _at_edges(cursor: MySQLCursorAbstract, purge: Purge, image: str) -> tuple[EdgeReceipt, ...]:
    rows = fetch(cursor, "receipts_edges", invalidation=purge.id, batch=purge.batch, code=image)
    return tuple(_at_edge(row, image) for row in rows)


def _at_edge(row: tuple[Any, ...], image: str) -> EdgeReceipt:
    *values, whole_seen_at, whole_note = row
    receipt = EdgeReceipt(**_named([tuple(values)], _EDGE))
    if not image or receipt.seen_at or receipt.note:
        return receipt
    return replace(receipt, note=_not_looked_at(receipt.others, whole_seen_at is not None, whole_note))


def _not_looked_at(others: int, owner_seen: bool, note: str | None) -> str | None:
    """Say why nothing was seen of one image of a banned owner. ``note`` is why nothing was seen of the owner."""
    if others:
        return f"not looked at: {counted(others, 'other image')} of the owner {'was' if others == 1 else 'were'}"
    if owner_seen:
        return "not looked at, as far as is on record: other images of the owner may have been"
    return "not looked at: the owner had no images then" if note == NO_IMAGES else note


def _ban(
    scope: str, subject: str, ban: int, row: tuple[Any, ...] | None, events: list[Event], purges: list[Purge]
) -> Ban:
    reason, banned_by, banned_at, lifted_at = row or _last_words(events)
    return Ban(
        id=ban,
        scope=scope,
        subject=subject,
        reason=reason,
        banned_by=banned_by,
        banned_at=banned_at,
        lifted_at=lifted_at,
        stands=row is not None and lifted_at is None,
        events=tuple(events),
        purges=tuple(purges),
    )


def _last_words(events: list[Event]) -> tuple[str, str, None, None]:
    return (events[-1].reason, events[-1].banned_by, None, None) if events else ("", "", None, None)


def _flushes(cursor: MySQLCursorAbstract, ban: Ban) -> list[tuple[Any, ...]]:
    return fetch(cursor, "receipts_flushes", since=ban.last_banned.at if ban.last_banned else ban.begun)


def _restored(standing: list[tuple[Any, ...]]) -> Restored:
    triggers = judge_triggers(standing)
    made = [row[2] for row in standing if row[0] in _OF_BANS]
    whole = len(made) == len(_OF_BANS) and not set(_OF_BANS) & set(triggers.missing)
    return Restored(at=max(made) if whole else None, fingerprint=triggers.fingerprint)
