"""Run a purger and an edge whose database URL can be pointed at one server after the other."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from stack.databases.database import Database
from stack.edges.edge import Edge
from stack.processes.ports import free_port
from stack.processes.waiting import wait_until
from stack.purger import Purger


class MovingDatabase(ExitStack):
    """An edge and a purger that reaches a running database through a symbolic link to its socket."""

    def __init__(self, directory: Path, database: Database) -> None:
        super().__init__()
        self.directory = directory
        self.database = database
        self.edge = self.enter_context(Edge(directory / "edge", f"127.0.0.1:{free_port()}", lease=2.0))
        self.link = directory / "current"
        self.point_to(self.database)
        self.purger = self.new_purger("purger", self.database)
        self.purger.add_edge(self.edge)
        self.enter_context(self.purger)
        self.edge.wait_trusted()

    def new_purger(self, name: str, database: Database) -> Purger:
        """Make a purger, not started, with the accounts of ``database``. ``point_to`` leads its connections."""
        url = f"{database.url('purger').partition('?')[0]}?unix_socket={self.link}"
        return Purger(self.directory / name, database, options={"PURGER_DATABASE_URL": url})

    def point_to(self, database: Database) -> None:
        """Point new connections to this server, as a virtual address does."""
        new = self.link.with_suffix(".new")
        new.symlink_to(database.socket)
        new.rename(self.link)

    def purges(self) -> int:
        return self.edge.purges()

    def ban(self, database: Database, code: str) -> None:
        with database.connect("moderation") as connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (code,))

    def ban_at_the_edge(self, code: str) -> None:
        """Ban in the database of the purger, and wait for the purge at the edge and its rebound."""
        before = self.purges()
        self.ban(self.database, code)
        wait_until(lambda: self.purges() >= before + 2, f"the purge of {code} and its rebound")

    def wait_fail_safe(self) -> None:
        wait_until(lambda: not self.edge.trusted(), "the edge stops trusting its cache")


def sql(database: Database, text: str) -> list[tuple[Any, ...]]:
    with database.connect_admin() as connection, connection.cursor() as cursor:
        cursor.execute(text)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []
