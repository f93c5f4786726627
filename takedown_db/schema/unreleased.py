"""Brings a database of the last state before the first release to the first released schema.

It keeps every row of ``bans``, images, receipts and logs. Its triggers get other names, so each edge is flushed once.
Delete this module and its script once the first release has a successor: nobody has an older database then.
"""

from collections.abc import Set as AbstractSet

from mysql.connector.abstracts import MySQLCursorAbstract

from takedown_db.schema.scripts import run_migration, schema_file
from takedown_db.statements import statement

_FIRST, _LAST = "0001_tables.sql", "0039_probe_remarks.sql"


def is_last_unreleased(applied: AbstractSet[str]) -> bool:
    """Tell whether a database with these migrations has the last schema of before the first release."""
    return _FIRST in applied and max(applied) == _LAST


def bring_to_first_schema(cursor: MySQLCursorAbstract) -> str:
    """Change what differs, and record the one migration instead of the 39. Returns a line for the operator."""
    run_migration(cursor, schema_file("unreleased.sql"))
    cursor.execute("START TRANSACTION")
    cursor.execute(statement("migrate_forget_unreleased"))
    cursor.execute(statement("migrate_rename_first"))
    cursor.execute("COMMIT")
    return "brought the database of an unreleased version to the first schema; each edge is flushed once"
