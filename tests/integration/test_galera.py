"""Run the purger on a Galera cluster: the cluster is the adopted server, so the purger may move between nodes."""

from pathlib import Path

import pytest

from stack.waiting import wait_until
from tests.support.galera_cluster import PROVIDER, SCRIPTS, GaleraCluster
from tests.support.repointed_purger import MovingDatabase, sql

pytestmark = pytest.mark.skipif(not PROVIDER.exists(), reason="needs Debian's package galera-4")


def test_any_node_speaks_without_adoption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(SCRIPTS), prepend=":")
    with GaleraCluster(tmp_path, 3) as cluster, MovingDatabase(tmp_path, cluster.nodes[0]) as site:
        site.ban_at_the_edge("at-the-first")
        cluster.nodes[0].kill()
        purges = site.purges()
        site.point_to(cluster.nodes[1])
        wait_until(lambda: "the database is no longer unusable" in site.purger.log_text(), "the purger goes on")
        site.edge.wait_trusted()
        site.ban(cluster.nodes[2], "at-the-third")
        wait_until(lambda: site.purges() >= purges + 2, "its purge, twice")
        assert "not adopted" not in site.purger.log_text()
        assert site.purger.log_text().count("is flushed") == 1, "at its start alone"
        ((server, by),) = sql(cluster.nodes[2], "SELECT server, adopted_by FROM adoptions")
        assert (server.split()[:3], by) == (["Galera", "cluster", "images"], "purger migrate")
