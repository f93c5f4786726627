"""Reads and writes which server speaks for the database: a purger on another numbers, sends and vouches for nothing."""

from datetime import datetime
from typing import NamedTuple

from mysql.connector.abstracts import MySQLCursorAbstract

from takedown_db.connection import Connection, fetch, last_batch
from takedown_db.printable import printable
from takedown_db.server_identity import read_server
from takedown_db.statements import statement


class Adoption(NamedTuple):
    """A server that was adopted. The time is UTC by the database's clock."""

    server: str
    adopted_at: datetime
    adopted_by: str


def newest(connection: Connection) -> Adoption | None:
    """Read the adoption that counts; None: there was none. Raises ``DatabaseUnavailableError``."""
    rows = connection.rows("newest_adoption")
    return Adoption(*rows[0]) if rows else None


def adopt_first(cursor: MySQLCursorAbstract) -> list[str]:
    """Adopt this server where none was adopted yet; what was done, a line each. Raises ``mysql.connector.Error``."""
    if fetch(cursor, "newest_adoption"):
        return []
    server = read_server(cursor)
    cursor.execute(statement("adopt_server"), {"server": server, "by": "purger migrate"})
    return [f"adopted {printable(server)}: purgers connected to it speak for this database"]


class Outlook(NamedTuple):
    """The state before an adoption, and whom it concerns."""

    server: str  # this server
    adoption: Adoption | None  # the one that counts
    last_batch: int
    edges: tuple[tuple[str, str], ...]  # name and purge URL of each enabled one

    @property
    def speaks(self) -> bool:
        """Whether this server is the adopted one."""
        return self.adoption is not None and self.adoption.server == self.server


def outlook(connection: Connection) -> Outlook:
    """Read what an adoption of the server behind ``connection`` would change. Raises ``DatabaseUnavailableError``."""
    adoption = newest(connection)
    edges = tuple((str(row[0]), str(row[1])) for row in connection.rows("enabled_edges"))
    with connection.cursor() as cursor:
        return Outlook(connection.server, adoption, last_batch(cursor), edges)


def adopt_server(connection: Connection, by: str) -> None:
    """Adopt the server behind ``connection``, as ``by`` wants it. Raises ``DatabaseUnavailableError``."""
    with connection.cursor() as cursor:
        cursor.execute(statement("adopt_server"), {"server": connection.server, "by": by})
