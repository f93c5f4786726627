"""Looks an image up in the moderation database: one statement for each request, one connection for each thread.

A request is answered within ``BUDGET`` seconds of its first bytes. Opening a connection takes several round trips, and
the driver bounds only each of them, so a thread of its own opens it (``_ConnectionAttempt``): a request can stop
waiting at any moment, and a later request finds the connection.
"""

import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar, cast

import mysql.connector
from mysql.connector.abstracts import MySQLConnectionAbstract, MySQLCursorAbstract
from mysql.connector.connection import MySQLConnection

from origin.circuit_breaker import CircuitBreaker
from origin.model import Content, Found, FoundContent, SiteUrl
from origin.row_checks import require_well_formed, require_well_formed_content
from takedown_base.subject_keys import CODE_ALPHABET, is_key
from takedown_db.connection.connect import connect
from takedown_db.connection.errors import DatabaseUnavailableError, explain
from takedown_db.connection.node_choice import is_suspect, report_failure
from takedown_db.connection.prepared_statement import PreparedStatement
from takedown_db.connection.server_variables import NotPrimaryError
from takedown_db.statements import statement

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

#: Seconds that one round trip to the database may take. The driver takes whole seconds, and only when it connects.
TIMEOUT = 2

#: Seconds that a request may take from the arrival of its first bytes, the queue included (the promise G9 is 3).
BUDGET = 2.8

#: Seconds after which a request no longer asks the database, since a round trip might exceed its budget.
LATEST_START = BUDGET - TIMEOUT

#: Seconds for which the circuit breaker stays open.
_PAUSE = 1.0

#: Seconds between two log lines on requests that waited too long, and on refused queries.
_LOG_INTERVAL = 60.0

#: The lag of a replica up to which two states of an image never share a Last-Modified: a change's date is sent
#: only when every change of the same second has arrived. Before, edges keep the image for --undated-lifetime.
DATED_LAG = timedelta(seconds=10)


#: Columns of ``look_up_site_url`` that are about the image; the others are about the URL.
_OF_IMAGE = 10


class QueryRefusedError(DatabaseUnavailableError):
    """The database refuses the query of a rule. The connection is as good as before."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the query of a rule is refused: {reason}; run it with the origin's account, and grant that SELECT on the"
            " columns that the query names"
        )


class LookupConnection:
    """A connection for the lookups of one thread. After an error its state is unknown: close it."""

    def __init__(self, url: str, *, timeout: int, replica: bool) -> None:
        """Connect as ``connect`` does, and raise its errors."""
        #: The driver's connection.
        self.driver = connect(url, timeout=timeout, replica=replica, python=True)
        self._timeout = timeout
        self._prepared: dict[str, PreparedStatement] = {}
        self._queries: dict[str, MySQLCursorAbstract] = {}  # of the site's rules
        try:
            self.driver.cmd_query(statement("skip_index_dives"))
            self._prepare("look_up_image")
        except BaseException:
            self.close()
            raise

    def find(self, code: str, rendition: str) -> list[Found]:
        """Run ``look_up_image``. The names must have been checked. Raises ``mysql.connector.Error``."""
        return [Found._make(row) for row in self._run("look_up_image", {"code": code, "rendition": rendition})]

    def find_url(self, url: SiteUrl) -> tuple[list[Found], FoundContent]:
        """Run ``look_up_site_url``. The code must have been checked. Raises ``mysql.connector.Error``."""
        self._prepare("look_up_site_url")
        rows = self._run("look_up_site_url", {"code": url.code, "url": url.id})
        # No rendition: the first three columns of Found, and its path.
        found = [Found(None, None, None, *row[:_OF_IMAGE]) for row in rows]
        return found, FoundContent._make(rows[0][_OF_IMAGE:]) if rows else FoundContent(None, None, None, None)

    def ask_site(self, query: str, values: Mapping[str, str]) -> dict[str, str] | None:
        """Run a query of the site's rules. None: no row, several, or NULL.

        Raises ``QueryRefusedError`` and ``mysql.connector.Error``.
        """
        # Prepared by the server: visitors choose the values.
        cursor = self._queries.get(query) or self._queries.setdefault(query, self.driver.cursor(prepared=True))
        try:
            cursor.execute(query, dict(values))
        except mysql.connector.ProgrammingError as error:
            if error.sqlstate is None:  # of the driver, not of the server
                raise
            with contextlib.suppress(mysql.connector.Error):
                self._queries.pop(query).close()
            raise QueryRefusedError(str(error.msg)) from error
        rows = {tuple(row) for row in cast(list[tuple[Any, ...]], cursor.fetchall())}
        if len(rows) != 1 or None in (row := rows.pop()):
            return None
        texts = (bytes(each).decode() if isinstance(each, bytes | bytearray) else str(each) for each in row)
        return dict(zip((str(column[0]) for column in cursor.description or ()), texts, strict=True))

    def record(self, url: SiteUrl, content: Content, before: str | None) -> None:
        """Run ``record_site_url``. Raises ``mysql.connector.Error``."""
        values = {"id": url.id, **url._asdict(), **content._asdict(), "names": json.dumps([content.names])}
        with self.driver.cursor() as cursor:
            cursor.execute(statement("record_site_url"), {**values, "before": before})

    def was_erased(self, digest: str) -> bool:
        """Run ``was_erased``. The digest must have been checked. Raises ``mysql.connector.Error``."""
        ((erased,),) = _rows(self.driver, statement("was_erased") % {"digest": digest})
        return bool(erased)

    def _prepare(self, name: str) -> None:
        """Prepare a statement, at its first use. The driver without Python's own wire format sends it as a text."""
        if isinstance(self.driver, MySQLConnection) and name not in self._prepared:
            self._prepared[name] = PreparedStatement(self.driver, statement(name), self._timeout)

    def _run(self, name: str, values: dict[str, str]) -> list[tuple[Any, ...]]:
        """Run a statement with values that need no quotes."""
        prepared = self._prepared.get(name)
        if prepared is not None:
            return prepared.execute(values)
        return _rows(self.driver, statement(name) % {key: f"'{value}'" for key, value in values.items()})

    def close(self) -> None:
        """Close the connection, in whatever state it is."""
        with contextlib.suppress(mysql.connector.Error):
            self.driver.close()


class _ConnectionAttempt:
    """Opens one connection in a thread of its own.

    Opening takes several round trips, and the driver bounds each by itself. A caller that stops waiting finds the
    connection at a later request.
    """

    def __init__(self, connect: Callable[[], LookupConnection]) -> None:
        self._connect = connect
        self._connection: LookupConnection | None = None
        self._error: BaseException | None = None
        self._done = threading.Event()
        threading.Thread(target=self._run, name="connecting", daemon=True).start()

    def wait(self, seconds: float) -> LookupConnection | None:
        """Wait at most ``seconds`` for the connection; None: it is not open yet. Raises the error of the attempt."""
        if not self._done.wait(max(0.0, seconds)):
            return None
        if self._error is not None:
            raise self._error
        return self._connection

    def _run(self) -> None:
        try:
            self._connection = self._connect()
        except BaseException as error:  # of any kind: the caller gets it
            self._error = error
        self._done.set()


class _NotConnectedInTimeError(mysql.connector.Error):
    """The connection was not open by the latest time at which the request may ask."""


class Lookup:
    """Looks images up. Its methods may be called by any thread."""

    def __init__(self, url: str, *, replica: bool = False) -> None:
        """Take a database URL. No connection is opened before the first lookup.

        ``replica`` allows a server that may lag.
        """
        self._url = url
        self._replica = replica
        self._of_thread = threading.local()
        self._breaker = CircuitBreaker(_PAUSE)
        self._reported: set[tuple[type, int | None]] = set()  # kinds of errors that were logged since the last answer
        self._next_late_log = 0.0
        self._next_refused_log = 0.0

    def find(self, code: str, rendition: str, began: float) -> Found:
        """Read all that one request needs, which began at ``began`` (of the monotonic clock, in seconds).

        Raises ``DatabaseUnavailableError`` at most ``BUDGET`` seconds after that, ``MalformedRowError``, and
        ``ValueError`` for a malformed name.
        """
        for name in (code, rendition):
            _require_key(name)
        found = self._in_time(began, lambda connection: self._judge(connection.find(code, rendition)))
        return require_well_formed(found, code)

    def find_url(self, url: SiteUrl, began: float) -> tuple[Found, FoundContent]:
        """Read the same for a URL of a site's own server, and what was recorded of it. Raises as ``find``.

        ``banned`` and ``pending`` are also about all content that was recorded for the image's code.
        """
        _require_key(url.code)

        def ask(connection: LookupConnection) -> tuple[Found | None, FoundContent]:
            rows, content = connection.find_url(url)
            return self._judge(rows), content

        found, content = self._in_time(began, ask)
        return require_well_formed(found, url.code), require_well_formed_content(content, url.code)

    def ask_site(self, query: str, values: Mapping[str, str], began: float) -> dict[str, str] | None:
        """Run a query of the site's rules; None: no row, several, or NULL. Raises ``DatabaseUnavailableError``."""
        return self._in_time(began, lambda connection: connection.ask_site(query, values))

    def record(self, url: SiteUrl, content: Content, before: str | None) -> None:
        """Record the content of a URL, and purge the image if it is banned.

        ``before`` is the digest that was recorded when the reading began: if another one is by now, that stays. Raises
        ``DatabaseUnavailableError``.
        """
        self._in_time(time.monotonic(), lambda connection: connection.record(url, content, before))

    def _in_time(self, began: float, ask: Callable[[LookupConnection], Answer]) -> Answer:
        """Ask the database for a request that began at ``began``. Raises ``DatabaseUnavailableError``."""
        started = time.monotonic()
        latest = began + LATEST_START
        if started > latest:
            self._report_late(started, began)
            raise DatabaseUnavailableError("the request has waited too long to ask it")
        if not self._breaker.allows():
            raise DatabaseUnavailableError("it did not answer in time a moment ago")
        try:
            answer = self._ask(ask, latest)
        except QueryRefusedError as error:
            self._breaker.succeeded()
            self._report_refused(error)
            raise
        except mysql.connector.Error as error:
            if isinstance(error, _NotConnectedInTimeError) or time.monotonic() - started > TIMEOUT / 2:
                self._breaker.timed_out()
            self._report_away(error)
            raise DatabaseUnavailableError(str(error)) from error
        self._breaker.succeeded()
        if self._reported:
            self._reported.clear()
            log.info("the database answers again")
        return answer

    def was_erased(self, digest: str, began: float) -> bool:
        """Tell whether a file that the store does not have was erased. False, too, where that cannot be asked in time.

        ``digest`` comes from a row that was checked.
        """
        latest = began + LATEST_START
        if time.monotonic() > latest:
            return False
        try:
            return self._connection(latest).was_erased(digest)
        except mysql.connector.Error as error:
            self._disconnect(error)
            return False

    def _ask(self, ask: Callable[[LookupConnection], Answer], latest: float) -> Answer:
        """Ask, and once more if that fails at once: a connection may have died while it was idle."""
        try:
            return ask(self._connection(latest))
        except mysql.connector.Error as error:
            self._disconnect(error)
            if time.monotonic() > latest:
                raise
        try:
            return ask(self._connection(latest))
        except mysql.connector.Error as error:
            self._disconnect(error)
            raise

    def _connection(self, latest: float) -> LookupConnection:
        """Return this thread's connection. If there is none, wait until ``latest`` for one to open."""
        of_thread = self._of_thread
        connection: LookupConnection | None = getattr(of_thread, "connection", None)
        if connection is not None and is_suspect(connection.driver):
            self._disconnect()
            connection = None
        if connection is None:
            connecting: _ConnectionAttempt | None = getattr(of_thread, "connecting", None)
            if connecting is None:
                connecting = of_thread.connecting = _ConnectionAttempt(self._connect)
            try:
                connection = connecting.wait(latest - time.monotonic())
            except BaseException:
                of_thread.connecting = None
                raise
            if connection is None:
                raise _NotConnectedInTimeError("no connection in time")
            of_thread.connection, of_thread.connecting = connection, None
        return connection

    def _connect(self) -> LookupConnection:
        return LookupConnection(self._url, timeout=TIMEOUT, replica=self._replica)

    def _judge(self, rows: list[Found]) -> Found | None:
        """Join the rows of a lookup, whose server must not lag. Raises ``NotPrimaryError``."""
        if not rows:
            return None
        found = _latest(rows)
        if self._replica:
            return found._replace(read_at=found.read_at - DATED_LAG)
        if found.read_only:
            raise NotPrimaryError("the server has become read-only, as replicas are: connect to the primary")
        return found

    def _disconnect(self, error: mysql.connector.Error | None = None) -> None:
        """Close this thread's connection: after an error its state is unknown."""
        connection: LookupConnection | None = getattr(self._of_thread, "connection", None)
        self._of_thread.connection = None
        if connection is not None:
            if error is not None:
                report_failure(connection.driver, error)
            connection.close()

    def _report_away(self, error: mysql.connector.Error) -> None:
        """Log that the database is unavailable: once for each kind of error, and not for each request.

        The first error may say only that a connection came too late, and a later one why none can be used.
        """
        kind = type(error), error.errno
        if kind not in self._reported:
            self._reported.add(kind)
            log.error("the database is unavailable, images are answered 503: %s", explain(error))

    def _report_refused(self, error: QueryRefusedError) -> None:
        """Log that the URLs of a rule are answered 503, at most once a minute."""
        now = time.monotonic()
        if now >= self._next_refused_log:
            self._next_refused_log = now + _LOG_INTERVAL
            log.error("URLs that a rule has to look up are answered 503: %s", error)

    def _report_late(self, now: float, began: float) -> None:
        """Log that requests waited too long for a thread and are answered 503, at most once a minute."""
        if now >= self._next_late_log:
            self._next_late_log = now + _LOG_INTERVAL
            log.error(
                "requests wait %.1f s for a thread and are answered 503: the database is slow, or --workers and"
                " --threads are too few",
                now - began,
            )


def _require_key(name: str) -> None:
    if not is_key(name):
        raise ValueError(f"{name!r} is not {CODE_ALPHABET}")


def _latest(rows: list[Found]) -> Found:
    """Join rows that differ only in the change (of image, owner and content) into one with the latest change.

    A change that has no batch, and no change at all, count as batch 0.
    """
    if len(rows) == 1:
        return rows[0] if rows[0].changed is not None else rows[0]._replace(changed=0)
    times = [row.changed_at for row in rows if row.changed_at is not None]
    return rows[0]._replace(changed_at=max(times, default=None), changed=max(row.changed or 0 for row in rows))


def _rows(connection: MySQLConnectionAbstract, query: str) -> list[tuple[Any, ...]]:
    # Without a cursor: its search for further statements in the text takes a third of a lookup's own time.
    connection.cmd_query(query)
    rows, _ = connection.get_rows()
    return cast(list[tuple[Any, ...]], rows)
