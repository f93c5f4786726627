"""A connection to the moderation database that opens itself again after an error."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import mysql.connector
from mysql.connector.abstracts import MySQLConnectionAbstract, MySQLCursorAbstract

from database import connect, explain
from database.group import wait_as_server_does, wait_for_group
from database.speaker import read_speaker
from purger.errors import CounterLostError, DatabaseUnavailableError, NotAdoptedError
from purger.statements import statement


class Link:
    """One connection, for one thread. Every error closes it, so that the next use begins a fresh session."""

    def __init__(self, url: str, *, timeout: int, adopted: bool = False, prompt: bool = False) -> None:
        """``timeout`` in whole seconds, as for ``database.connect``. ``adopted``: refuse any but the adopted server.

        ``prompt``: on a member of a replication group statements do not wait for the other members, but for the first
        after each connecting; ``catch_up`` does.
        """
        self.speaker = ""  # the server of the latest connection, as it names itself
        self._url = url
        self._timeout = timeout
        self._adopted = adopted
        self._prompt = prompt
        self._in_group = False  # of a prompt connection: its server is a member of a replication group
        self._connection: MySQLConnectionAbstract | None = None
        # One cursor for all statements: making one asks the server whether it is there, a round trip each time.
        self._cursor: MySQLCursorAbstract | None = None

    def rows(self, name: str, /, **parameters: Any) -> list[tuple[Any, ...]]:
        """Run the statement ``name`` and fetch all rows of its first result."""
        with self.cursor() as cursor:
            return fetch(cursor, name, **parameters)

    def run(self, name: str, /, **parameters: Any) -> int:
        """Run the statement ``name``, which has no result, and return how many rows it changed."""
        with self.cursor() as cursor:
            cursor.execute(statement(name), parameters)
            return cursor.rowcount

    @contextmanager
    def transaction(self) -> Iterator[MySQLCursorAbstract]:
        """A cursor within a transaction, committed at the end and rolled back after any error."""
        with self.cursor() as cursor:
            cursor.execute("START TRANSACTION")
            yield cursor
            cursor.execute("COMMIT")

    @contextmanager
    def snapshot(self) -> Iterator[MySQLCursorAbstract]:
        """A cursor whose statements all read the same moment of the database, and write nothing."""
        with self.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            yield cursor
            cursor.execute("COMMIT")

    @contextmanager
    def cursor(self) -> Iterator[MySQLCursorAbstract]:
        """A cursor, connecting first where needed.

        Raises ``DatabaseUnavailableError`` for whatever the driver raises, and ``NotAdoptedError``. The connection does
        not outlive an error of any kind: that also rolls an open transaction back.
        """
        try:
            yield self._cursor or self._connect()
        except mysql.connector.Error as error:
            self.close()
            raise DatabaseUnavailableError(explain(error)) from error
        except BaseException:
            self.close()
            raise

    def _connect(self) -> MySQLCursorAbstract:
        self._connection = connect(self._url, timeout=self._timeout)
        self._cursor = cursor = self._connection.cursor()
        self.speaker = read_speaker(cursor)
        if self._adopted and (adopted := newest_adoption(cursor)) != self.speaker:
            raise NotAdoptedError(adopted, self.speaker)
        self._in_group = self._prompt and wait_for_group(cursor)
        self._catch_up(cursor)
        return cursor

    def catch_up(self) -> None:
        """Wait until this server shows all that its group, if any, had committed before this call.

        Raises ``DatabaseUnavailableError``, also when the group does not have it any more.
        """
        with self.cursor() as cursor:
            self._catch_up(cursor)

    def _catch_up(self, cursor: MySQLCursorAbstract) -> None:
        if self._in_group:
            wait_for_group(cursor)
            fetch(cursor, "last_batch")
            wait_as_server_does(cursor)

    def close(self) -> None:
        """Close the connection, whatever state it is in."""
        connection, self._connection, self._cursor = self._connection, None, None
        if connection is not None:
            with suppress(mysql.connector.Error):  # it is gone already
                connection.close()


def newest_adoption(cursor: MySQLCursorAbstract) -> str | None:
    """Read the name of the server that speaks for the database; None when none was adopted."""
    rows = fetch(cursor, "adoption")
    return str(rows[0][0]) if rows else None


def last_batch(cursor: MySQLCursorAbstract) -> int:
    """Read the last batch number that the database has given. Raises ``CounterLostError``."""
    rows = fetch(cursor, "last_batch")
    if not rows:
        raise CounterLostError
    return int(rows[0][0])


def fetch(cursor: MySQLCursorAbstract, name: str, /, **parameters: Any) -> list[tuple[Any, ...]]:
    """Run the statement ``name`` on ``cursor``; all rows of its first result. A CALL answers a second, empty one."""
    return fetch_sets(cursor, name, **parameters)[0]


def fetch_sets(cursor: MySQLCursorAbstract, name: str, /, **parameters: Any) -> list[list[tuple[Any, ...]]]:
    """Run the statement ``name`` on ``cursor``; all rows of each result, of a CALL also of the empty last one."""
    cursor.execute(statement(name), parameters)
    sets = [_rows(cursor)]
    with later_results():
        while cursor.nextset():
            sets.append(_rows(cursor))
    return sets


@contextmanager
def later_results() -> Iterator[None]:
    """Raise ``mysql.connector.Error`` for errors of any result but the first, for which the driver has another type."""
    try:
        yield
    except mysql.connector.Error:
        raise
    except Exception as error:
        if errno := getattr(error, "errno", None):
            raise mysql.connector.errors.get_mysql_exception(errno, str(error)) from error
        raise


def _rows(cursor: MySQLCursorAbstract) -> list[tuple[Any, ...]]:
    rows: Sequence[Any] = cursor.fetchall()
    return [tuple(row) for row in rows]
