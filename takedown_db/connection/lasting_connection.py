"""Keeps one thread's connection to the moderation database, and reopens it after an error.

connect.py opens single connections; this is for threads that use one for as long as they run.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, TypeVar

import mysql.connector
from mysql.connector.abstracts import MySQLConnectionAbstract, MySQLCursorAbstract

from takedown_db.connection.connect import connect
from takedown_db.connection.error_numbers import ROLLED_BACK, ErrorNumber
from takedown_db.connection.errors import CounterLostError, DatabaseUnavailableError, NotAdoptedError, explain
from takedown_db.connection.node_choice import is_suspect, node_of, report_failure
from takedown_db.connection.server_variables import GroupWait, read_server, read_variables, wait_of
from takedown_db.statements import statement

#: Times that a statement is run while nodes of a cluster roll it back in favour of each other's transactions. On a busy
#: machine five were too few for two purgers that number at two nodes.
_TRIES = 12

#: First and longest pause in seconds before such a repetition, half a second for all of them together at most.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.1

#: Seconds without a statement after which the server rolls a transaction back and closes the connection. A client that
#: is frozen, or cut off without a word, would leave it open for hours, by the defaults of server and kernel: meanwhile
#: no other purger could record anything of the same edges, or claim them.
_IDLE = 2

_Result = TypeVar("_Result")


class IdleLimit(NamedTuple):
    """The statements that limit the server's patience before a transaction, and end that after it; "" for none."""

    begin: str = ""
    end: str = ""


class Connection:
    """A connection for one thread. Every error closes it, so that the next use begins a fresh session."""

    def __init__(self, url: str, *, timeout: int, adopted: bool = False, prompt: bool = False) -> None:
        """Take the URL and the time-out in whole seconds, as ``connect`` does. ``adopted``: accept no other server.

        ``prompt``: on a node of a cluster only the first statement after connecting waits for the other nodes, and no
        later one; call ``catch_up`` to wait.
        """
        self._server: str | None = None  # of the latest connection
        self._url = url
        self._timeout = timeout
        self._adopted = adopted
        self._prompt = prompt
        #: Statements by which a prompt connection waits for other nodes; None: the server is part of no cluster.
        self._wait: GroupWait | None = None
        self._driver: MySQLConnectionAbstract | None = None
        # One cursor for all statements: the driver pings the server for each new cursor, which is a round trip.
        self._cursor: MySQLCursorAbstract | None = None
        self._idle_limit: IdleLimit | None = None  # of the session; None before its first transaction
        self._users = 0  # blocks of ``cursor`` that are open, one within the other

    def rows(self, name: str, /, **parameters: Any) -> list[tuple[Any, ...]]:
        """Run the statement ``name`` and fetch all rows of its first result."""
        return self.repeated(lambda cursor: fetch(cursor, name, **parameters))

    def run(self, name: str, /, **parameters: Any) -> int:
        """Run the statement ``name``, which has no result, and return how many rows it changed."""
        return self.repeated(lambda cursor: _changed(cursor, name, parameters))

    def repeated(self, work: Callable[[MySQLCursorAbstract], _Result]) -> _Result:
        """Call ``work``, a single transaction, with the cursor. Call it again where the server has rolled that back.

        A server does so when another transaction got ahead: on the same server by a deadlock, on another node of a
        cluster by a commit of the same rows. Inside of a transaction the error is raised, since all of that is undone.
        """
        with self.cursor() as cursor:
            for failures in range(_TRIES - 1 if self._users == 1 else 0):
                try:
                    return work(cursor)
                except mysql.connector.Error as error:
                    if error.errno not in ROLLED_BACK:
                        raise
                    # Until the node has applied the other one's commit it would be rolled back again.
                    self._catch_up(cursor)
                    # At random, so that two who got into each other's way do not repeat that.
                    time.sleep(random.SystemRandom().uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**failures)))
            return work(cursor)

    @contextmanager
    def transaction(self) -> Iterator[MySQLCursorAbstract]:
        """Open a transaction and yield its cursor; commit at the end, roll back after any error.

        The server rolls it back when it hears nothing for 2 s.
        """
        with self.cursor() as cursor:
            self._idle_limit = limit = self._idle_limit or _limit_idle_transactions(cursor)
            if limit.begin:
                cursor.execute(limit.begin)
            cursor.execute("START TRANSACTION")
            yield cursor
            cursor.execute("COMMIT")
            if limit.end:
                cursor.execute(limit.end)

    @contextmanager
    def snapshot(self) -> Iterator[MySQLCursorAbstract]:
        """Open a read-only transaction and yield its cursor: all its statements read the same snapshot."""
        with self.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            yield cursor
            cursor.execute("COMMIT")

    @contextmanager
    def cursor(self) -> Iterator[MySQLCursorAbstract]:
        """Yield the cursor, connecting first where needed.

        Raises ``DatabaseUnavailableError`` for every error of the driver, and ``NotAdoptedError``. An error of any kind
        closes the connection, and with that rolls an open transaction back.
        """
        if self._driver is not None and self._users == 0 and is_suspect(self._driver):
            self.close()
        self._users += 1
        try:
            yield self._cursor or self._connect()
        except mysql.connector.Error as error:
            node = node_of(self._driver)
            report_failure(self._driver, error)
            self.close()
            raise DatabaseUnavailableError(f"{node}: {explain(error)}" if node else explain(error)) from error
        except BaseException:
            self.close()
            raise
        finally:
            self._users -= 1

    def _connect(self) -> MySQLCursorAbstract:
        self._driver = connect(self._url, timeout=self._timeout)
        self._cursor = cursor = self._driver.cursor()
        self._server = self._idle_limit = None
        variables = read_variables(cursor) if self._adopted or self._prompt else {}
        if self._adopted:
            self._server = read_server(cursor, variables)
            if (adopted := adopted_server(cursor)) != self._server:
                raise NotAdoptedError(adopted, self._server)
        self._wait = wait_of(variables) if self._prompt else None
        self._catch_up(cursor)
        return cursor

    @property
    def server(self) -> str:
        """The server of the latest connection, as it names itself. Raises ``DatabaseUnavailableError``.

        Read when it is asked for: in a replication group that takes a right which moderators have no use for.
        """
        with self.cursor() as cursor:
            if self._server is None:
                self._server = read_server(cursor)
            return self._server

    def catch_up(self) -> None:
        """Wait until this server has applied all earlier commits at other nodes of its cluster. Without one, return.

        Raises ``DatabaseUnavailableError``, also when the others have left the server behind.
        """
        with self.cursor() as cursor:
            self._catch_up(cursor)

    def _catch_up(self, cursor: MySQLCursorAbstract) -> None:
        if self._wait is not None:
            cursor.execute(self._wait.begin)
            fetch(cursor, "last_batch")
            cursor.execute(self._wait.end)

    def answers(self) -> bool:
        """Ask the server for a sign of life. Without one, or without a connection, the next use opens another."""
        if self._driver is not None and not self._driver.is_connected():
            self.close()
        return self._driver is not None

    def close(self) -> None:
        """Close the connection, in whatever state it is."""
        connection, self._driver, self._cursor = self._driver, None, None
        if connection is not None:
            with suppress(mysql.connector.Error):  # it is gone already
                connection.close()


def _limit_idle_transactions(cursor: MySQLCursorAbstract) -> IdleLimit:
    """Limit all transactions of a session, or return the statements for each where the server has no such limit.

    MariaDB has one (``idle_transaction_timeout``). MySQL has only ``wait_timeout``, which also closes a connection
    that rests between transactions. Raises ``mysql.connector.Error``.
    """
    try:
        cursor.execute(f"SET SESSION idle_transaction_timeout = {_IDLE:d}")
    except mysql.connector.Error as error:
        if error.errno != ErrorNumber.ER_UNKNOWN_SYSTEM_VARIABLE:
            raise
        return IdleLimit(f"SET SESSION wait_timeout = {_IDLE:d}", "SET SESSION wait_timeout = DEFAULT")
    return IdleLimit()


def adopted_server(cursor: MySQLCursorAbstract) -> str | None:
    """Read the name of the adopted server; None when none was adopted."""
    rows = fetch(cursor, "newest_adoption")
    return str(rows[0][0]) if rows else None


def last_batch(cursor: MySQLCursorAbstract) -> int:
    """Read the last batch number that the database has given. Raises ``CounterLostError``."""
    rows = fetch(cursor, "last_batch")
    if not rows:
        raise CounterLostError
    return int(rows[0][0])


def fetch(cursor: MySQLCursorAbstract, name: str, /, **parameters: Any) -> list[tuple[Any, ...]]:
    """Run the statement ``name`` on ``cursor`` and fetch all rows of its first result."""
    return fetch_sets(cursor, name, **parameters)[0]


def fetch_sets(cursor: MySQLCursorAbstract, name: str, /, **parameters: Any) -> list[list[tuple[Any, ...]]]:
    """Run the statement ``name`` on ``cursor`` and fetch all rows of each result; a CALL ends with an empty one."""
    return list(each_set(cursor, name, **parameters))


def each_set(cursor: MySQLCursorAbstract, name: str, /, **parameters: Any) -> Iterator[list[tuple[Any, ...]]]:
    """Run the statement ``name`` as ``fetch_sets``, and yield each result as soon as the server has sent it."""
    cursor.execute(statement(name), parameters)
    yield _rows(cursor)
    with later_results():
        while cursor.nextset():
            yield _rows(cursor)


@contextmanager
def later_results() -> Iterator[None]:
    """Raise errors of later results, for which the driver has a type of its own, as ``mysql.connector.Error``."""
    try:
        yield
    except mysql.connector.Error:
        raise
    except Exception as error:
        if errno := getattr(error, "errno", None):
            raise mysql.connector.errors.get_mysql_exception(errno, str(error)) from error
        raise


def _changed(cursor: MySQLCursorAbstract, name: str, parameters: dict[str, Any]) -> int:
    cursor.execute(statement(name), parameters)
    return cursor.rowcount


def _rows(cursor: MySQLCursorAbstract) -> list[tuple[Any, ...]]:
    rows: Sequence[Any] = cursor.fetchall()
    return [tuple(row) for row in rows]
