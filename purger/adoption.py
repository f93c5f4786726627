"""Which server speaks for the database: a purger on any other numbers, sends and vouches for nothing."""

from datetime import datetime
from typing import NamedTuple

from mysql.connector.abstracts import MySQLCursorAbstract

from database.speaker import read_speaker
from database.text import printable
from purger.link import Link, fetch
from purger.statements import statement


class Adoption(NamedTuple):
    """A server that was adopted. The time is UTC by the database's clock."""

    server: str
    adopted_at: datetime
    adopted_by: str


def newest(link: Link) -> Adoption | None:
    """Read the adoption that counts; None: there was none. Raises ``DatabaseUnavailableError``."""
    rows = link.rows("adoption")
    return Adoption(*rows[0]) if rows else None


def adopt_first(cursor: MySQLCursorAbstract) -> list[str]:
    """Adopt this server where none was adopted yet; what was done, a line each. Raises ``mysql.connector.Error``."""
    if fetch(cursor, "adoption"):
        return []
    server = read_speaker(cursor)
    cursor.execute(statement("adopt"), {"server": server, "by": "purger migrate"})
    return [f"adopted {printable(server)}: purgers connected to it speak for this database"]
