"""Make a database of version 0.1, with that version's own scripts in ``tests/data/schema_0_1``."""

import hashlib
from pathlib import Path

from mysql.connector.abstracts import MySQLCursorAbstract

from stack.database import Database
from takedown_db.connection.connect import connect
from takedown_db.schema.scripts import run_script
from tests.support.database.procedure_call import call

_SCRIPTS = Path(__file__).parents[2] / "data" / "schema_0_1"


def install(database: Database) -> None:
    """Create the database with its accounts, in the order of 0.1's ``purger migrate``."""
    with connect(database.admin_url(), timeout=60, database=False) as connection, connection.cursor() as cursor:
        name = database.name_of_database
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        cursor.execute(f"USE {name}")
        for part in ("versions", "tables", "definer", "routines", "triggers", "accounts"):
            run(cursor, part, name)
    database.unlock_accounts()


def run(cursor: MySQLCursorAbstract, part: str, name: str) -> None:
    """Run one of the scripts."""
    run_script(cursor, _SCRIPTS / f"{part}.sql", {"{database}": f"`{name}`"})


def statements(part: str) -> list[str]:
    """Read a script as single statements, for an account that may not send several at once."""
    return [text for text in (_SCRIPTS / f"{part}.sql").read_text().split(";\n") if text.strip()]


def fill(cursor: MySQLCursorAbstract, name: str) -> None:
    """Write bans and lifts, put them into batches, and write the receipts and probe results of edges."""
    run(cursor, "rows", name)
    call(cursor, "number_invalidations_v1()")
    run(cursor, "receipts", name)


def fingerprint(cursor: MySQLCursorAbstract) -> str:
    """Compute the value of ``edges.triggers`` from the current triggers, as 0.1 did."""
    lines = sorted(" ".join(map(str, row)) for row in call(cursor, "standing_triggers_v1()"))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
