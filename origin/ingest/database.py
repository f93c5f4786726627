"""Keeps a database connection for each thread of the listener."""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import mysql.connector
from mysql.connector.abstracts import MySQLConnectionAbstract

from origin.importing.catalogue import Catalogue
from takedown_db.connection.connect import connect
from takedown_db.connection.errors import DatabaseUnavailableError, explain
from takedown_db.connection.node_choice import is_suspect, report_failure

#: Seconds that a connection, an answer and a lock may take each.
TIMEOUT = 2

Result = TypeVar("Result")


class CataloguePool:
    """The tables of images for several threads, each with a connection of its own."""

    def __init__(self, url: str) -> None:
        """Take a database URL. No connection is opened before the first use."""
        self._url = url
        self._of_thread = threading.local()

    def run(self, action: Callable[[Catalogue], Result]) -> Result:
        """Call ``action``, and once more if it fails at once: a connection may have died while it was idle.

        So ``action`` must have the same effect and result where the first call was committed before it failed. Raises
        ``DatabaseUnavailableError``.
        """
        started = time.monotonic()
        try:
            return action(self._catalogue())
        except mysql.connector.Error as error:
            self._disconnect(error)
            if time.monotonic() - started > TIMEOUT / 2:
                raise DatabaseUnavailableError(explain(error)) from error
        try:
            return action(self._catalogue())
        except mysql.connector.Error as error:
            self._disconnect(error)
            raise DatabaseUnavailableError(explain(error)) from error

    def _catalogue(self) -> Catalogue:
        connection: MySQLConnectionAbstract | None = getattr(self._of_thread, "connection", None)
        if connection is None or is_suspect(connection):
            connection = self._of_thread.connection = connect(self._url, timeout=TIMEOUT)
        return Catalogue(connection)

    def _disconnect(self, error: mysql.connector.Error) -> None:
        """Close this thread's connection: after an error its state is unknown."""
        connection: MySQLConnectionAbstract | None = getattr(self._of_thread, "connection", None)
        self._of_thread.connection = None
        if connection is not None:
            report_failure(connection, error)
            with contextlib.suppress(mysql.connector.Error):
                connection.close()
