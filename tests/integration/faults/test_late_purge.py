"""Deliver a purge of a lost database late, to an edge at the current position: it keeps no image from anybody."""

from pathlib import Path

import requests

from stack.processes.server import away
from stack.processes.waiting import wait_until
from tests.chaos.system.system_with_proxies import System
from tests.support.database.snapshots import put_back, take_copy
from tests.support.edges.first_edge import OneEdgeSite

#: Interval of heartbeats in seconds, so long that only purges are on their way to the edge.
SELDOM = "3600"


def test_a_late_purge_of_a_lost_database_keeps_no_image_from_anybody(tmp_path: Path) -> None:
    with System(
        tmp_path,
        edges=1,
        lease=86400,
        fetch_timeout=60,
        purger_options={"PURGER_HEARTBEAT_INTERVAL": SELDOM},
        parameters={"timeout_idle": 3600},  # the connection of the late purge stays open
    ) as system:
        site, edge = OneEdgeSite(system), system.edges[0]
        code = site.new_image()
        flushed = system.rows("SELECT flushed_at FROM edges")
        copy = take_copy(system.database, system.new_directory("copy"))
        for number in range(5):
            site.ban(f"lost-{number}")
            system.settle()
        direction = system.purge_proxy(edge).up
        direction.cut()
        site.ban(code)
        wait_until(lambda: direction.held > 0, "the purge on its direction")

        with away(system.purger):
            with away(system.database):
                put_back(system.database, copy)
            set_url = system.purger.run("edge", "set", edge.edge_name, "--purge-url", edge.purge_url, "--unreachable")
            assert set_url.returncode == 0, set_url.stderr
        wait_until(lambda: system.rows("SELECT flushed_at FROM edges") != flushed, "the edge flushed, and once more")
        system.settle()
        site.wait_kept(code)
        direction.mend()
        answer = wait_until(lambda: _not_a_hit(site, code), "the late purge")
        # It names a batch that the database has yet to come to.
        assert (answer.status_code, answer.headers["Cache-Status"]) == (200, "edge-takedown; fwd=uri-miss; stored")


def _not_a_hit(site: OneEdgeSite, code: str) -> requests.Response | None:
    answer = site.get(code)
    return None if "; hit" in answer.headers["Cache-Status"] else answer
