"""The receipts of one code: for each ban and each edge what was written, numbered, acknowledged and seen."""

from datetime import datetime
from typing import Any

from purger.link import Link

_BAN = ("id", "scope", "subject", "reason", "banned_by", "banned_at", "lifted_at")
_EVENT = ("invalidation", "ban", "scope", "subject", "cause", "written_at", "batch", "numbered_at")
_EDGE = ("edge", "acknowledged_at", "instance", "method", "removed", "seen_at", "status", "gone")


def receipts(link: Link, code: str) -> dict[str, Any]:
    """All that is known of the bans on ``code`` and on its owner. All times are UTC.

    ``events`` are the rows of the outbox that bans and lifts have caused, each with ``edges``. Where an edge's
    ``acknowledged_at`` is None it has not acknowledged; ``removed`` None: the edge did not say how many objects it
    removed (it was a BAN or a flush); ``seen_at`` None: the purger has not looked, as in bulk it does for a sample
    only. Bans older than the retention have no events any more.

    Raises ``DatabaseUnavailableError``.
    """
    owners = link.rows("image_owner", code=code)
    owner = owners[0][0] if owners else None
    events = [
        dict(zip(_EVENT, row, strict=True)) | {"edges": []}
        for row in link.rows("receipts_events", code=code, owner=owner)
    ]
    by_id = {event["invalidation"]: event for event in events}
    for invalidation, *edge in link.rows("receipts_edges", code=code, owner=owner):
        values: dict[str, Any] = dict(zip(_EDGE, edge, strict=True))
        values["gone"] = None if values["gone"] is None else bool(values["gone"])
        if invalidation in by_id:
            by_id[invalidation]["edges"].append(values)
    bans = [dict(zip(_BAN, row, strict=True)) for row in link.rows("receipts_bans", code=code, owner=owner)]
    return {"code": code, "owner": owner, "bans": bans, "events": events}


def milliseconds(since: datetime | None, until: datetime | None) -> float | None:
    """The time between two moments of a receipt, which two machines' clocks may have told."""
    return round((until - since).total_seconds() * 1000, 1) if since and until else None
