"""Reads and writes which database server is the adopted one: on every other, purgers number and send nothing."""

from datetime import datetime
from typing import NamedTuple

from mysql.connector.abstracts import MySQLCursorAbstract

from takedown_base.printable import printable
from takedown_db.connection.lasting_connection import Connection, adopted_server, last_batch
from takedown_db.connection.server_variables import read_server
from takedown_db.statements import statement


class Adoption(NamedTuple):
    """A row of ``adoptions``: the server, the time (UTC, the database's clock), and the account that adopted it."""

    server: str
    adopted_at: datetime
    adopted_by: str


def newest(connection: Connection) -> Adoption | None:
    """Read the newest adoption, the one that counts; None without any. Raises ``DatabaseUnavailableError``."""
    rows = connection.rows("newest_adoption")
    return Adoption(*rows[0]) if rows else None


def adopt_first(cursor: MySQLCursorAbstract) -> list[str]:
    """Adopt this server unless one was adopted before; a line for each step. Raises ``mysql.connector.Error``."""
    if adopted_server(cursor) is not None:
        return []
    server = read_server(cursor)
    cursor.execute(statement("adopt_server"), {"server": server, "by": "purger migrate"})
    return [f"adopted {printable(server)}: purgers that are connected to it deliver for this database"]


class AdoptionPlan(NamedTuple):
    """The effect of an adoption of this server: the present adoption, and the edges that purgers on it would purge."""

    server: str  # this server
    adoption: Adoption | None  # the newest one
    last_batch: int
    edges: tuple[tuple[str, str], ...]  # name and purge URL of each enabled edge

    @property
    def adopted(self) -> bool:
        """Whether this server is the adopted one already."""
        return self.adoption is not None and self.adoption.server == self.server


def plan_adoption(connection: Connection) -> AdoptionPlan:
    """Read the state before an adoption of ``connection``'s server. Raises ``DatabaseUnavailableError``."""
    adoption = newest(connection)
    edges = tuple((str(row[0]), str(row[1])) for row in connection.rows("enabled_edges", purger=None))
    with connection.cursor() as cursor:
        return AdoptionPlan(connection.server, adoption, last_batch(cursor), edges)


def adopt_server(connection: Connection, by: str) -> None:
    """Adopt the server of ``connection``, on behalf of ``by``. Raises ``DatabaseUnavailableError``."""
    with connection.cursor() as cursor:
        cursor.execute(statement("adopt_server"), {"server": connection.server, "by": by})
