"""Runs the statements of lookups on one connection to the moderation database."""

import contextlib
from typing import Any, cast

import mysql.connector
from mysql.connector.abstracts import MySQLConnectionAbstract
from mysql.connector.connection import MySQLConnection

from origin.model import Found
from takedown_db.connection.connect import connect
from takedown_db.connection.prepared_statement import PreparedStatement
from takedown_db.statements import statement


class LookupConnection:
    """A connection for the lookups of one thread. After an error its state is unknown: close it."""

    def __init__(self, url: str, *, timeout: int, replica: bool) -> None:
        """Connect as ``connect`` does, and raise its errors."""
        #: The driver's connection.
        self.driver = connect(url, timeout=timeout, replica=replica, python=True)
        self._prepared: PreparedStatement | None = None
        self._sql = statement("look_up_image")
        try:
            self.driver.cmd_query(statement("skip_index_dives"))
            if isinstance(self.driver, MySQLConnection):
                self._prepared = PreparedStatement(self.driver, self._sql, timeout)
        except BaseException:
            self.close()
            raise

    def find(self, code: str, rendition: str) -> list[Found]:
        """Run ``look_up_image``. The names must have been checked. Raises ``mysql.connector.Error``."""
        if self._prepared is not None:
            rows = self._prepared.execute({"code": code, "rendition": rendition})
        else:
            rows = _rows(self.driver, self._sql % {"code": f"'{code}'", "rendition": f"'{rendition}'"})
        return [Found._make(row) for row in rows]

    def was_erased(self, digest: str) -> bool:
        """Run ``was_erased``. The digest must have been checked. Raises ``mysql.connector.Error``."""
        ((erased,),) = _rows(self.driver, statement("was_erased") % {"digest": digest})
        return bool(erased)

    def close(self) -> None:
        """Close the connection, in whatever state it is."""
        with contextlib.suppress(mysql.connector.Error):
            self.driver.close()


def _rows(connection: MySQLConnectionAbstract, query: str) -> list[tuple[Any, ...]]:
    # Without a cursor: its search for further statements in the text takes a third of a lookup's own time.
    connection.cmd_query(query)
    rows, _ = connection.get_rows()
    return cast(list[tuple[Any, ...]], rows)
