"""Run the purger on a Galera cluster: the cluster is the adopted server, so the purger may move between nodes."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from stack.edge import Edge
from stack.galera import Galera, lacking
from stack.ports import free_port
from stack.purger import Purger
from stack.waiting import wait_until
from tests.support.repointed_purger import sql

pytestmark = [pytest.mark.skipif(bool(lacking()), reason=lacking()), pytest.mark.timeout(600)]

_BANS = 400


def test_two_purgers_at_different_nodes_number_each_row_once(tmp_path: Path) -> None:
    with Galera(tmp_path / "database") as cluster, ExitStack() as running:
        cluster.migrate()
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
        assert sql(third, "SELECT COUNT(*) FROM invalidations WHERE ban_id IS NOT NULL") == [(_BANS,)]
        assert sql(third, "SELECT SUM(size) FROM batches") == sql(third, "SELECT COUNT(*) FROM invalidations")
        assert sql(third, "SELECT MAX(batch) = COUNT(*) AND MAX(batch) = MAX(last_batch) FROM batches, numbering") == [
            (1,)
        ]
        head = "SELECT MIN(acknowledged) = MAX(last_batch) FROM edges, numbering"
        wait_until(lambda: sql(third, head) == [(1,)], "all bans at the edge")
        edge.wait_trusted()
        for purger in purgers:
            assert "not adopted" not in purger.log_text()
            assert "unusable" not in purger.log_text(), purger.log_tail()
        ((server, by),) = sql(third, "SELECT server, adopted_by FROM adoptions")
        assert (server.split()[:3], by) == (["Galera", "cluster", "images"], "purger migrate")
