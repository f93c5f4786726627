"""Run a database, a purger and edges without an origin, for tests of what the purger sends to its edges."""

from contextlib import ExitStack
from itertools import count
from pathlib import Path

from mysql.connector.abstracts import MySQLConnectionAbstract

from purger.maintenance import prune
from stack.databases.database import Database
from stack.edges.edge import Edge
from stack.processes.ports import free_port
from stack.processes.waiting import wait_until
from stack.purger import Purger
from takedown_db.connection.lasting_connection import Connection

#: Lease of each edge, in seconds.
LEASE = 2.0
#: Timeouts of the purger, in seconds: a frozen edge exceeds them, a busy machine does not.
PATIENT = {"PURGER_CONNECT_TIMEOUT": "2", "PURGER_READ_TIMEOUT": "5"}
_numbers = count(1)


class Fleet(ExitStack):
    """A database, a purger and its edges: at first one. Only purge listeners matter, so there is no origin."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory
        self.database = self.enter_context(Database(directory / "database", migrated=True))
        self.edge = self.new_edge("edge1")
        self.purger = Purger(directory / "purger", self.database, options=PATIENT)
        self.purger.add_edge(self.edge)
        self.enter_context(self.purger)
        self.admin = self.connect_admin()
        self._log_start = 0
        self.edge.wait_trusted()

    def new_edge(self, name: str) -> Edge:
        backend = f"127.0.0.1:{free_port()}"
        return self.enter_context(Edge(self.directory / name, backend, name=name, lease=LEASE))

    def connect_admin(self) -> MySQLConnectionAbstract:
        connection = self.database.connect_admin()
        self.callback(connection.close)
        return connection

    def sql(self, text: str, *values: str | int) -> list[tuple[object, ...]]:
        with self.admin.cursor() as cursor:
            cursor.execute(text, values)
            rows: list[tuple[object, ...]] = [tuple(row) for row in cursor.fetchall()] if cursor.description else []
            while cursor.nextset():
                pass
        return rows

    def number(self, text: str, *values: str | int) -> int:
        return int(str(self.sql(text, *values)[0][0]))

    def ban(self) -> str:
        code = f"code{next(_numbers)}"
        self.sql("INSERT INTO bans (scope, subject) VALUES ('image', %s)", code)
        return code

    def age(self, days: int, last: int) -> None:
        """Date the batches up to ``last`` so many days back."""
        older = "UPDATE batches SET numbered_at = TIMESTAMPADD(DAY, %s, numbered_at) WHERE batch <= %s"
        self.sql(older, -days, last)
        self.sql("UPDATE retention SET outbox_until = UTC_TIMESTAMP(6), receipts_until = UTC_TIMESTAMP(6)")

    def prune(self) -> int:
        """Delete rows that are past their retention, as maintenance does. Returns the number of rows."""
        connection = Connection(self.database.url("purger"), timeout=60)
        rows = sum(prune(connection, days=30, receipt_days=400))
        connection.close()
        return rows

    def head(self) -> int:
        return self.number("SELECT last_batch FROM numbering")

    def go_back(self) -> None:
        """Take the last batch out of the database, as restoring a backup does."""
        head = self.head()
        self.sql("START TRANSACTION")
        self.sql("DELETE FROM invalidations WHERE batch = %s", head)
        self.sql("DELETE FROM batches WHERE batch = %s", head)
        self.sql("UPDATE numbering SET last_batch = %s", head - 1)
        self.sql("COMMIT")

    def settled(self) -> bool:
        """Tell whether each edge has acknowledged all changes and their rebounds."""
        pending = self.number("SELECT COUNT(*) FROM invalidations WHERE batch IS NULL")
        # Ahead is one that acknowledged what the database has lost, until the record of its flush.
        elsewhere = self.number(
            """SELECT COUNT(*) FROM edges JOIN numbering
            WHERE instance IS NULL OR acknowledged <> last_batch OR rebounded <> last_batch"""
        )
        return pending == elsewhere == 0

    def settle(self) -> None:
        wait_until(self.settled, "all changes and their rebounds acknowledged by every edge")

    def purges(self, edge: Edge | None = None) -> int:
        return (edge or self.edge).purges()

    def bans_added(self) -> int:
        return self.edge.counters()["MAIN.bans_added"]

    def read_log_from_here(self) -> None:
        self._log_start = self.purger.log.stat().st_size

    def log(self) -> str:
        """Return what the purger has logged since the test began."""
        return self.purger.log.read_bytes()[self._log_start :].decode()

    def logged(self, text: str, times: int = 1) -> None:
        """Wait until the purger has logged ``text`` so many times, and assert that it has not logged it more often."""
        wait_until(lambda: self.log().count(text) >= times, f"{text!r} in the log of the purger")
        assert self.log().count(text) == times, self.purger.log_tail()
