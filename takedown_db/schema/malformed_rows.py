"""Removes or corrects malformed rows. Version 0.1 let them in: any session of MariaDB may switch CHECKs off."""

from mysql.connector.abstracts import MySQLCursorAbstract

from takedown_base.printable import printable
from takedown_db.connection.lasting_connection import fetch
from takedown_db.schema.id_shortage import few_ids
from takedown_db.statements import statement


def repair_rows(cursor: MySQLCursorAbstract) -> list[str]:
    """Remove malformed rows that block numbering, and report the others.

    A malformed ban matches no image, and is deleted: moderation_log keeps it. One with trailing spaces does match, and
    is written again without them in the same transaction. Malformed rows of the outbox move to ``unnumberable``; those
    with trailing spaces are written to the outbox again without them.

    Returns a line for each. Raises ``mysql.connector.Error``.
    """
    done: list[str] = []
    for ban, scope, subject, padded in fetch(cursor, "migrate_malformed_bans"):
        steps = ["migrate_trim_ban", "migrate_delete_ban"] if padded else ["migrate_delete_ban"]
        _transaction(cursor, steps, ban)
        what = f"ban {ban} of {printable(scope)} '{printable(subject)}'"
        done.append(f"wrote {what} anew without spaces" if padded else f"took out {what}: it banned nothing")
    for (ban,) in fetch(cursor, "migrate_undated_bans"):
        _transaction(cursor, ["migrate_date_ban"], ban)
        done.append(f"dated ban {ban} 1970-01-01 where its date was none that exists")
    rows = fetch(cursor, "migrate_malformed_rows")
    for (row,) in rows:
        _transaction(cursor, ["migrate_keep_unnumberable", "migrate_trim_row", "migrate_delete_row"], row)
    if rows:
        done.append(f"moved {len(rows)} malformed rows of the outbox to the table unnumberable")
    done += [
        f"attention: a row of {table} for code '{printable(code)}' is malformed; delete it, and import the image again"
        for table, code in fetch(cursor, "migrate_malformed_images")
    ]
    cursor.execute(statement("fresh_statistics"))
    return done + [f"attention: {line}" for line in few_ids(fetch(cursor, "ids_left"))]


def _transaction(cursor: MySQLCursorAbstract, names: list[str], row: int) -> None:
    cursor.execute("START TRANSACTION")
    for name in names:
        cursor.execute(statement(name), {"id": row})
    cursor.execute("COMMIT")
