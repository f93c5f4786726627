"""Put the database far from the purger: one direction is slow, or cut for good."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from stack.databases.database import Database
from stack.edges.edge import Edge
from stack.processes.waiting import PATIENCE, wait_until
from stack.purger import Purger
from tests.support.faulty_proxy import Proxies, Proxy


class Far:
    """A database, a purger that reaches it through a proxy, and an edge."""

    def __init__(self, database: Database, proxy: Proxy, edge: Edge, directory: Path) -> None:
        self.database = database
        self.proxy = proxy
        self.edge = edge
        url = f"{database.url('purger').partition('?')[0]}?unix_socket={proxy.socket}"
        self.purger = Purger(directory / "purger", database, options={"PURGER_DATABASE_URL": url})
        self.bans = 0

    def ban(self) -> None:
        """Ban an image, over a connection that is not slow."""
        self.bans += 1
        with self.database.connect("moderation") as connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (f"far-{self.bans}",))

    def purges(self) -> int:
        return self.edge.purges()

    def epoch(self) -> float:
        return float(self.edge.ask("HEARTBEAT").headers["Takedown-Epoch"])


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    with (
        Database(tmp_path / "database", migrated=True) as database,
        Edge(tmp_path / "edge", "127.0.0.1:1", lease=60.0) as edge,
        Proxies() as proxies,
    ):
        far = Far(database, proxies.to(database.socket), edge, tmp_path)
        far.purger.add_edge(edge)
        with far.purger:
            edge.wait_trusted()
            yield far
            far.proxy.up.mend()
            far.proxy.down.mend()


def test_a_ban_needs_no_question_to_the_database_that_was_not_put_before(far: Far) -> None:
    def told_although_nothing_more_can_be_asked() -> bool:
        far.proxy.up.cut()
        before = far.purges()
        far.ban()
        with suppress(TimeoutError):  # the answer had just passed, and the next query was cut off
            wait_until(lambda: far.purges() > before, "the purge", 2)
        told = far.purges() > before
        far.proxy.up.mend()
        wait_until(lambda: far.purges() >= before + 2, "the purge, twice")
        return told

    # Each try hits the moment between two questions at random, and a busy machine makes tries long.
    wait_until(told_although_nothing_more_can_be_asked, "a ban that a waiting question answers", 3 * PATIENCE)


def test_an_edge_is_vouched_for_although_the_database_is_far_away(far: Far) -> None:
    far.proxy.down.delay = lambda: 1.5
    first = far.epoch()
    # Two heartbeats: the first one may have been verified before the cut.
    wait_until(lambda: far.epoch() > first, "a heartbeat")
    second = far.epoch()
    wait_until(lambda: far.epoch() > second + 1, "another heartbeat")
    third = far.epoch()
    wait_until(lambda: far.epoch() > third + 1, "a third heartbeat")
    purges = far.purges()
    far.ban()
    wait_until(lambda: far.purges() >= purges + 2, "the ban, twice")
    assert far.edge.trusted()
