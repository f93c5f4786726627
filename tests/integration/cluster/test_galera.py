"""Read and number at single nodes of a Galera cluster, which is the adopted server as a whole."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from origin.answering.lookup import Lookup
from purger.outbox.outbox import Outbox
from stack.databases.galera import Galera, lacking
from stack.edges.edge import Edge
from stack.processes.ports import free_port
from stack.processes.waiting import wait_until
from stack.purger import Purger
from takedown_db.connection.error_numbers import ErrorNumber
from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.connection.lasting_connection import Connection
from tests.support.purgers.repointed_purger import sql

pytestmark = [pytest.mark.skipif(bool(lacking()), reason=lacking()), pytest.mark.timeout(600)]

_BANS = 400


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Galera]:
    """Run a migrated cluster."""
    with Galera(tmp_path_factory.mktemp("cluster")) as running:
        running.migrate()
        yield running


def test_a_node_that_lags_keeps_its_answers_back(cluster: Galera) -> None:
    first, lagging, _ = cluster.nodes
    lookup = Lookup(lagging.url("origin"))
    assert not lookup.find("late", "original", time.monotonic()).banned
    with closing(Connection(lagging.url("purger"), timeout=2, prompt=True)) as connection:
        outbox = Outbox(connection)
        before = outbox.take(None)
        with lagging.connect_admin() as admin, admin.cursor() as cursor:
            cursor.execute("FLUSH TABLES WITH READ LOCK")  # from here on nothing is applied
            with first.connect("moderation") as moderator, moderator.cursor() as ban:
                ban.execute("INSERT INTO bans (scope, subject) VALUES ('image', 'late')")
            assert outbox.take(None) == before, "the node lags, and the poller does not wait"
            with pytest.raises(DatabaseUnavailableError):
                outbox.catch_up()
            with pytest.raises(DatabaseUnavailableError):
                lookup.find("late", "original", time.monotonic())
            cursor.execute("UNLOCK TABLES")
        outbox.catch_up()
        assert outbox.take(None).head.batch == before.head.batch + 1
    wait_until(lambda: found_banned(lookup, "late"), "a lookup that shows the ban")


def found_banned(lookup: Lookup, code: str) -> bool:
    """Tell whether a lookup shows a ban. The circuit breaker keeps it back for a second."""
    with suppress(DatabaseUnavailableError):
        return bool(lookup.find(code, "original", time.monotonic()).banned)
    return False


def test_two_purgers_at_different_nodes_number_each_row_once(cluster: Galera, tmp_path: Path) -> None:
    with ExitStack() as running:
        edge = running.enter_context(Edge(tmp_path / "edge", f"127.0.0.1:{free_port()}"))
        first, second, third = cluster.nodes
        purgers = [
            Purger(tmp_path / f"purger{number}", cluster, options={"PURGER_DATABASE_URL": node.url("purger")})
            for number, node in enumerate((first, second))
        ]
        purgers[0].add_edge(edge)
        for purger in purgers:
            running.enter_context(purger)
        edge.wait_trusted()
        with third.connect("moderation") as connection, connection.cursor() as cursor:
            for number in range(_BANS):
                cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (f"both-{number}",))
        wait_until(lambda: sql(third, "SELECT COUNT(*) FROM invalidations WHERE batch IS NULL") == [(0,)], "numbers")
        assert sql(third, "SELECT COUNT(*) FROM invalidations WHERE subject LIKE 'both-%'") == [(_BANS,)]
        assert sql(third, "SELECT SUM(size) FROM batches") == sql(third, "SELECT COUNT(*) FROM invalidations")
        assert sql(third, "SELECT MAX(batch) = COUNT(*) AND MAX(batch) = MAX(last_batch) FROM batches, numbering") == [
            (1,)
        ]
        head = "SELECT MIN(acknowledged) = MAX(last_batch) FROM edges, numbering"
        wait_until(lambda: sql(third, head) == [(1,)], "all bans at the edge")
        edge.wait_trusted()
        for purger in purgers:
            assert "not adopted" not in purger.log_text()
            # But where a busy machine held a node up for 2 s: the driver then says that it has lost the server.
            unusable = [line for line in purger.log_text().splitlines() if "is unusable" in line]
            assert [line for line in unusable if f" {ErrorNumber.CR_SERVER_LOST:d} (" not in line] == []
        ((server, by),) = sql(third, "SELECT server, adopted_by FROM adoptions")
        assert (server.split()[:3], by) == (["Galera", "cluster", "images"], "purger migrate")
