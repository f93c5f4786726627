"""Write to the outbox, number it and read it, over connections of several accounts."""

from contextlib import ExitStack
from itertools import count
from typing import Any, NamedTuple

from mysql.connector.abstracts import MySQLConnectionAbstract

from stack.databases.database import Database
from takedown_db.connection.connect import connect
from takedown_db.connection.server_variables import read_server
from takedown_db.statements import statement

_numbers = count(1)
NUMBER = "CALL number_invalidations(NULL, NULL, @size, @more)"


class Connections(ExitStack):
    """Connections of a moderator, a purger and an administrator, and further ones as needed."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        self._open: dict[str, MySQLConnectionAbstract] = {}

    def open(self, account: str, timeout: int = 60) -> MySQLConnectionAbstract:
        url = self.database.admin_url() if account == "admin" else self.database.url(account)
        connection = connect(url, timeout=timeout)
        self.callback(connection.close)
        return connection

    def run(self, account: str, sql: str, *values: Any) -> list[tuple[object, ...]]:
        if account not in self._open:
            self._open[account] = self.open(account)
        return run(self._open[account], sql, *values)

    def number(self, after: int | None = None) -> int:
        """Call the numbering once, for ids beyond ``after`` if given. Returns the number of rows."""
        self.run("purger", "CALL number_invalidations(%s, NULL, @size, @more)", after)
        return int(str(self.run("purger", "SELECT @size")[0][0]))

    def largest(self) -> int:
        """Return the largest committed id in the outbox."""
        return int(str(self.run("purger", "SELECT MAX(id) FROM invalidations")[0][0]))

    def number_all(self) -> None:
        while self.number() or self.run("purger", "SELECT @more") == [(1,)]:
            pass

    def batch(self, subject: str) -> int | None:
        (row,) = self.run(
            "purger", "SELECT batch FROM invalidations WHERE scope IN ('image', 'digest') AND subject = %s", subject
        )
        return None if row[0] is None else int(str(row[0]))


def run(connection: MySQLConnectionAbstract, sql: str, *values: Any) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[tuple[object, ...]] = [tuple(row) for row in cursor.fetchall()] if cursor.description else []
        while cursor.nextset():
            pass
    return rows


def ban(connection: MySQLConnectionAbstract, *codes: str) -> None:
    values = ", ".join(["('image', %s)"] * len(codes))
    run(connection, f"INSERT INTO bans (scope, subject) VALUES {values}", *codes)


def new_codes(number: int = 1) -> list[str]:
    return [f"code{next(_numbers)}" for _ in range(number)]


class Taken(NamedTuple):
    """The results of take_invalidations: the subjects of the first one, and the second one."""

    subjects: list[str]
    head: int
    pruned: int
    read_only: int
    more: int
    largest: int
    unnumberable: int
    identity: str
    adopted: str | None
    same: int


def take(
    connection: MySQLConnectionAbstract,
    known: int | None,
    after: int | None = None,
    wait: float = 0.0,
    *,
    identity: str | None = None,
    speaker: str | None = None,
) -> Taken:
    """Call take_invalidations, by default with the identity that batch ``known`` has, for the server that it is."""
    with connection.cursor() as cursor:
        speaker = speaker or read_server(cursor)
        cursor.execute(statement("batch_identity"), {"batch": known or 0})
        rows: Any = cursor.fetchall()
        found = rows[0][0] if rows else None
        cursor.execute(
            "CALL take_invalidations(%s, %s, %s, 8, %s, %s, 0.001, 1)",
            (known, identity or found, speaker, after, wait),
        )
        subjects = [str(list(row)[3]) for row in cursor.fetchall()]
        cursor.nextset()
        outbox: Any = cursor.fetchall()[0]
        while cursor.nextset():
            pass
    return Taken(subjects, *outbox)
