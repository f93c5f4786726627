"""Run a database and edges, and purgers that share them, each with a path of its own to the database."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

from stack.databases.database import Database
from stack.edges.edge import Edge
from stack.processes.ports import free_port
from stack.processes.waiting import wait_until
from stack.purger import Purger
from tests.support.background_loop import BackgroundLoop
from tests.support.faulty_proxy import Proxies, Proxy

#: Lease of each edge, in seconds: a move of an edge takes less, also on a busy machine.
LEASE = 20.0
_numbers = count(1)


class GroupMember(Purger):
    """A purger behind a proxy of its own to the database."""

    def __init__(self, directory: Path, database: Database, proxy: Proxy) -> None:
        super().__init__(directory, database, options=_through(proxy, database))
        self.proxy = proxy

    @property
    def pid(self) -> int:
        """Return the process, which has the place of the server's first one: setpriv executes it."""
        assert self.process is not None
        return self.process.pid

    def follows(self) -> int:
        """Return the number of edges that it follows, by its log."""
        return self.log_text().count(" is followed") - self.log_text().count(" is no longer followed")

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """Cut it off from the database inside the block. What was sent arrives at the end."""
        self.proxy.up.cut()
        self.proxy.down.cut()
        try:
            yield
        finally:
            self.proxy.up.mend()
            self.proxy.down.mend()


def _through(proxy: Proxy, database: Database) -> dict[str, str]:
    url = database.url("purger").replace(quote(str(database.socket)), quote(str(proxy.socket)))
    return {"PURGER_DATABASE_URL": url}


class PurgerGroup(ExitStack):
    """A database and edges that have been flushed once; the purgers are the caller's. There is no origin."""

    def __init__(self, directory: Path, edges: int = 4) -> None:
        super().__init__()
        self.directory = directory
        self.proxies = self.enter_context(Proxies())
        self.database = self.enter_context(Database(directory / "database", migrated=True))
        backend = f"127.0.0.1:{free_port()}"
        self.edges = [
            self.enter_context(Edge(directory / f"edge{n}", backend, name=f"edge{n}", lease=LEASE))
            for n in range(1, edges + 1)
        ]
        self._members: list[GroupMember] = []
        first = self.new_purger()
        for edge in self.edges:
            first.add_edge(edge)
        with first:
            self.wait_settled()
        self._logs_before = self._flushes()

    def new_purger(self) -> GroupMember:
        """Make a purger that is not running."""
        proxy = self.proxies.to(self.database.socket)
        member = GroupMember(self.directory / f"purger{next(_numbers)}", self.database, proxy)
        self._members.append(member)
        return member

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        with self.database.connect_admin() as connection, connection.cursor() as cursor:
            cursor.execute(text)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def claims(self) -> Mapping[str, int | None]:
        """Read the process of the purger that has claimed each edge, by the edge's name."""
        rows = "SELECT name, pid FROM edges LEFT JOIN purgers ON purgers.id = edges.purger ORDER BY name"
        return {str(name): pid for name, pid in self.sql(rows)}

    def wait_shares(self, shares: Mapping[GroupMember, int]) -> None:
        """Wait until each purger has claimed so many edges, and follows exactly these."""

        def shared() -> bool:
            claims = list(self.claims().values())
            return all(claims.count(each.pid) == share for each, share in shares.items())

        wait_until(shared, f"shares of {list(shares.values())} edges")

    def ban(self) -> None:
        """Ban an image, and wait until every edge has acknowledged it and its rebound."""
        self.sql(f"INSERT INTO bans (scope, subject) VALUES ('image', 'code{next(_numbers)}')")
        self.wait_settled()

    def wait_settled(self) -> None:
        behind = """SELECT (SELECT COUNT(*) FROM invalidations WHERE batch IS NULL) + COUNT(*)
            FROM edges JOIN numbering WHERE instance IS NULL OR LEAST(acknowledged, rebounded) < last_batch"""
        wait_until(lambda: self.sql(behind) == [(0,)], "everything acknowledged by every edge")
        for edge in self.edges:
            edge.wait_trusted()

    @contextmanager
    def always_trusted(self) -> Iterator[None]:
        """Assert that no edge is in fail-safe mode at any time in the block, and that none is flushed."""

        def look() -> None:
            assert [edge.name for edge in self.edges if not edge.trusted()] == []

        with BackgroundLoop(look, pause=0.05) as watching:  # the next heartbeat, which ends it, comes later
            yield
        assert watching.failed == []
        assert self._flushes() == self._logs_before

    def _flushes(self) -> int:
        return sum(member.log.read_text().count("is flushed") for member in self._members)

    def doubled_receipts(self) -> list[tuple[Any, ...]]:
        """Read the receipts of purges that overlap."""
        return self.sql(
            """SELECT one.edge, one.first_batch, one.batch, other.first_batch, other.batch
            FROM receipts AS one JOIN receipts AS other
                ON other.edge = one.edge AND other.batch > one.batch AND other.first_batch <= one.batch
            WHERE one.method <> 'flush' AND other.method <> 'flush'"""
        )
