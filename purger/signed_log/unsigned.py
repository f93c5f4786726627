"""Finds a log that was signed once and is signed no more."""

from datetime import datetime, timedelta

from takedown_db.connection.lasting_connection import Connection
from takedown_log.canonical_json import parse_canonical

#: Age of a leaf behind the last checkpoint that shows that nobody signs: a purger signs what it appends, in one step.
_PATIENCE = timedelta(seconds=5)


def unsigned_leaves(connection: Connection) -> int:
    """Count the leaves behind the last checkpoint, if the first is old; 0 for a log that was never signed.

    A leaf without a time counts as old.
    """
    for leaves, content, now in connection.rows("log_unsigned"):
        at = _time_of(content)
        if at is None or now - at > _PATIENCE:
            return int(leaves)
    return 0


def _time_of(content: bytes | None) -> datetime | None:
    """Return the time (UTC) that a leaf names; None for one that was pruned, or altered."""
    try:
        at = datetime.fromisoformat(str(parse_canonical(bytes(content or b"").decode())["at"]))
    except (KeyError, ValueError):
        return None
    return at.replace(tzinfo=None)
