"""Looking an image up in the moderation database: one statement a request, one lasting connection a thread."""

import contextlib
import logging
import threading
import time
from typing import Any, cast

import mysql.connector
from mysql.connector.abstracts import MySQLConnectionAbstract

from database import NotPrimaryError, connect
from origin.answers import Found
from origin.breaker import CircuitBreaker
from origin.names import CODE_ALPHABET, is_code
from origin.rows import require_well_formed
from origin.statements import statement

logger = logging.getLogger(__name__)

# Seconds. A request that finds the database away is answered after this (G9 leaves 3 s, the queue included).
TIMEOUT = 2
_PAUSE = 1.0


class DatabaseUnavailableError(Exception):
    """The database gave no answer in time, or none at all. The message names the reason."""


class Lookup:
    """Looks images up. Its methods may be called by any thread."""

    def __init__(self, url: str):
        """``url`` as ``database.connect`` takes it. No connection is made before the first lookup."""
        self._url = url
        self._sql = statement("lookup.sql")
        self._of_thread = threading.local()
        self._breaker = CircuitBreaker(_PAUSE)
        self._away = False

    def find(self, code: str, rendition: str) -> Found:
        """Read all that one request needs.

        Raises ``DatabaseUnavailableError``, ``MalformedRowError``, and ``ValueError`` for a name that is none.
        """
        query = self._sql % {"code": _quoted(code), "rendition": _quoted(rendition)}
        if not self._breaker.allows():
            raise DatabaseUnavailableError("it did not answer in time a moment ago")
        started = time.monotonic()
        try:
            try:
                found = self._query(query)
            except mysql.connector.Error:
                self._disconnect()
                # A connection that died while it was idle fails at once and is worth one more try. One that timed out
                # has used up what a request may take.
                if time.monotonic() - started > TIMEOUT / 2:
                    raise
                found = self._query(query)
        except mysql.connector.Error as error:
            self._disconnect()
            if time.monotonic() - started > TIMEOUT / 2:
                self._breaker.timed_out()
            self._report_away(error)
            raise DatabaseUnavailableError(str(error)) from error
        self._breaker.succeeded()
        if self._away:
            self._away = False
            logger.info("the database answers again")
        return require_well_formed(found, code)

    def _query(self, query: str) -> Found:
        connection: MySQLConnectionAbstract | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = self._of_thread.connection = connect(self._url, timeout=TIMEOUT)
        # Not by a cursor: its search for further statements in the text takes a third of our part of a lookup.
        connection.cmd_query(query)
        rows, _ = connection.get_rows()
        found = Found._make(cast(tuple[Any, ...], rows[0]))
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
            logger.error("the database is unavailable, images are answered 503: %s", error)


def _quoted(name: str) -> str:
    """Make a text of SQL from a name. The alphabet holds nothing that could end it (and nothing beyond ASCII)."""
    if not is_code(name):
        raise ValueError(f"{name!r} is not {CODE_ALPHABET}")
    return f"'{name}'"
