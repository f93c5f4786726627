"""Call a procedure of the database and read its rows."""

from mysql.connector.abstracts import MySQLCursorAbstract


def call(cursor: MySQLCursorAbstract, procedure: str) -> list[tuple[object, ...]]:
    """Call a procedure. Returns the rows of its first result."""
    cursor.execute(f"CALL {procedure}")
    rows: list[tuple[object, ...]] = [tuple(row) for row in cursor.fetchall()] if cursor.description else []
    while cursor.nextset():
        pass
    return rows
