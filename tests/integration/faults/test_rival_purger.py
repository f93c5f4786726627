"""Run a second purger on a copy of the database, beside the first: it renews no lease, and logs the reason."""

from pathlib import Path

from stack.processes.server import frozen
from stack.processes.waiting import wait_until
from tests.chaos.system.rival_purger import RivalPurger
from tests.chaos.system.system_with_proxies import System
from tests.support.database.snapshots import second_server
from tests.support.edges.first_edge import OneEdgeSite


def test_a_purger_on_a_copy_of_the_database_renews_no_lease(tmp_path: Path) -> None:
    with System(tmp_path, edges=1, lease=2, fail_safe_ttl=1) as system:
        site = OneEdgeSite(system)
        code = site.new_image()
        with (
            second_server(system.database, tmp_path / "copy") as copy,
            frozen(system.purger),
            RivalPurger(tmp_path / "rival", copy) as rival,
        ):
            site.ban(code)
            site.wait_shown(code)
            assert not site.edge.trusted()
            wait_until(lambda: "purger adopt" in rival.log_text(), "the rival says what it found")
            assert rival.run("status").returncode == 3
        system.settle()
        site.wait_shown(code)
