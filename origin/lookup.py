"""Looking an image up in the moderation database: one statement a request, one lasting connection a thread."""

import contextlib
import logging
import threading
import time
from datetime import timedelta
from typing import Any, cast

import mysql.connector
from mysql.connector.abstracts import MySQLConnectionAbstract

from origin.circuit_breaker import CircuitBreaker
from origin.connector import Connecting
from origin.model import Found
from origin.row_checks import require_well_formed
from takedown_db.codes import CODE_ALPHABET, is_key
from takedown_db.connect import connect
from takedown_db.errors import DatabaseUnavailableError, explain
from takedown_db.replica_checks import NotPrimaryError
from takedown_db.statements import statement

logger = logging.getLogger(__name__)

# Seconds that one round trip to the database may take. The driver takes whole ones, and when it connects only.
TIMEOUT = 2
# Seconds that a request may take from the arrival of its first bytes, the queue included (G9 promises 3).
BUDGET = 2.8
# Seconds after which a request no longer asks the database, since a round trip might take it past its budget.
LATEST_START = BUDGET - TIMEOUT
# Seconds for which the breaker stays open, and between two log lines on requests that came too late.
_PAUSE = 1.0
_LATE_LOG_INTERVAL = 60.0
# The lag of a replica up to which two states of an image never share a Last-Modified: a change's date is told only when
# every change of the same second has arrived. Until then edges keep the image for --undated-lifetime.
DATED_LAG = timedelta(seconds=10)


class _NotConnectedInTimeError(mysql.connector.Error):
    """The connection was not there by the time at which the request had to ask."""


class Lookup:
    """Looks images up. Its methods may be called by any thread."""

    def __init__(self, url: str, *, replica: bool = False):
        """``url`` as ``database.connect`` takes it. No connection is made before the first lookup.

        ``replica`` lets it read from a server that may be behind.
        """
        self._url = url
        self._replica = replica
        self._sql = statement("look_up_image")
        self._of_thread = threading.local()
        self._breaker = CircuitBreaker(_PAUSE)
        self._away = False
        self._next_late_log = 0.0

    def find(self, code: str, rendition: str, began: float) -> Found:
        """Read all that one request needs; it began at ``began`` (of the monotonic clock, in seconds).

        Raises ``DatabaseUnavailableError`` no later than ``BUDGET`` after that, ``MalformedRowError``, and
        ``ValueError`` for a name that is none.
        """
        query = self._sql % {"code": _quoted(code), "rendition": _quoted(rendition)}
        started = time.monotonic()
        latest = began + LATEST_START
        if started > latest:
            self._report_late(started, began)
            raise DatabaseUnavailableError("the request has waited too long to ask it")
        if not self._breaker.allows():
            raise DatabaseUnavailableError("it did not answer in time a moment ago")
        try:
            found = self._ask(query, latest)
        except mysql.connector.Error as error:
            if isinstance(error, _NotConnectedInTimeError) or time.monotonic() - started > TIMEOUT / 2:
                self._breaker.timed_out()
            self._report_away(error)
            raise DatabaseUnavailableError(str(error)) from error
        self._breaker.succeeded()
        if self._away:
            self._away = False
            logger.info("the database answers again")
        return require_well_formed(found, code)

    def _ask(self, query: str, latest: float) -> Found | None:
        """Query, and once more where that fails at once: a connection may have died while it was idle."""
        try:
            return self._query(self._connection(latest), query)
        except mysql.connector.Error:
            self._disconnect()
            if time.monotonic() > latest:
                raise
        try:
            return self._query(self._connection(latest), query)
        except mysql.connector.Error:
            self._disconnect()
            raise

    def _connection(self, latest: float) -> MySQLConnectionAbstract:
        """Get the connection of this thread. Where there is none, wait until ``latest`` for the one being made."""
        of_thread = self._of_thread
        connection: MySQLConnectionAbstract | None = getattr(of_thread, "connection", None)
        if connection is None:
            connecting: Connecting[MySQLConnectionAbstract] | None = getattr(of_thread, "connecting", None)
            if connecting is None:
                connecting = of_thread.connecting = Connecting(self._connect)
            try:
                connection = connecting.wait(latest - time.monotonic())
            except BaseException:
                of_thread.connecting = None
                raise
            if connection is None:
                raise _NotConnectedInTimeError("no connection in time")
            of_thread.connection, of_thread.connecting = connection, None
        return connection

    def _connect(self) -> MySQLConnectionAbstract:
        return connect(self._url, timeout=TIMEOUT, replica=self._replica)

    def _query(self, connection: MySQLConnectionAbstract, query: str) -> Found | None:
        # Not by a cursor: its search for further statements in the text takes a third of our part of a lookup.
        connection.cmd_query(query)
        rows, _ = connection.get_rows()
        if not rows:
            return None
        found = Found._make(cast(tuple[Any, ...], rows[0]))
        if self._replica:
            return found._replace(read_at=found.read_at - DATED_LAG)
        if found.read_only:
            raise NotPrimaryError("the server has become read-only, as replicas are: connect to the primary")
        return found

    def _disconnect(self) -> None:
        """Give up this thread's connection: after an error nobody knows what state it is in."""
        connection: MySQLConnectionAbstract | None = getattr(self._of_thread, "connection", None)
        self._of_thread.connection = None
        if connection is not None:
            with contextlib.suppress(mysql.connector.Error):
                connection.close()

    def _report_away(self, error: mysql.connector.Error) -> None:
        """Log that the database is away once, not with each of the requests that find it so."""
        if not self._away:
            self._away = True
            logger.error("the database is unavailable, images are answered 503: %s", explain(error))

    def _report_late(self, now: float, began: float) -> None:
        """Log now and then that requests are answered 503 since they waited too long for a thread."""
        if now >= self._next_late_log:
            self._next_late_log = now + _LATE_LOG_INTERVAL
            logger.error(
                "requests wait %.1f s for a thread and are answered 503: the database is slow, or --workers and"
                " --threads are too few",
                now - began,
            )


def _quoted(name: str) -> str:
    """Make a text of SQL from a name. The alphabet holds nothing that could end it (and nothing beyond ASCII)."""
    if not is_key(name):
        raise ValueError(f"{name!r} is not {CODE_ALPHABET}")
    return f"'{name}'"
