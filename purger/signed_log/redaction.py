"""Erases personal data from the log, and records the erasure in the log.

A leaf, or a receipt under it, has a salted hash of each personal value. Value and salt are kept beside it, and only
these are erased: the leaf, its hash and every proof stay valid.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime

from mysql.connector.abstracts import MySQLCursorAbstract

from purger.signed_log.entries import Leaf, utc_text
from takedown_base.scope import Scope
from takedown_db.connection.lasting_connection import Connection, fetch
from takedown_db.statements import statement

#: Values that name or describe people. The others name the image, owner or content of an act.
PERSONAL = frozenset({"account", "banned_by", "reason", "detail", "owner"})

#: Values without which nothing can be proven of a subject, and the hashes of its rows in the outbox.
SUBJECT = frozenset({"subject", "code", "purges"})


def redact(connection: Connection, scope: Scope, subject: str, names: Iterable[str]) -> int:
    """Erase the values of these names in all leaves of a subject; return the number of leaves.

    ``connection`` is of an account that may change the log. Erasure and record are one transaction.
    """
    chosen = frozenset(names)
    with connection.transaction() as cursor:
        rows = fetch(cursor, "redact_events", scope=scope, subject=subject)
        rows += fetch(cursor, "redact_probes", scope=scope, subject=subject)
        rows += fetch(cursor, "redact_batches", scope=scope, subject=subject)
        now, kept, records = datetime.now(UTC), [], []
        for place, content, openings in rows:
            leaf = Leaf.read(bytes(content), bytes(openings)).leaf
            rest = leaf.without(chosen)
            if gone := leaf.opened() - rest.opened():
                left = rest.kept()
                kept.append((place, left.hex() if left else None))
                records.append(Leaf.of("erased", at=utc_text(now), leaf=place, names=sorted(gone)))
        _write(cursor, kept, records)
    return len(kept)


def _write(cursor: MySQLCursorAbstract, kept: list[tuple[int, str | None]], records: list[Leaf]) -> None:
    if kept:
        cursor.execute(statement("redact_openings"), {"rows": json.dumps(kept)})
        cursor.executemany(statement("record_log_removal"), [{"content": each.content.encode()} for each in records])
