"""A purger on a copy of the database vouches for nobody, and says why."""

from pathlib import Path

from stack.server import frozen
from stack.waiting import wait_until
from tests.chaos.rivals import Rival
from tests.chaos.system import System
from tests.positions import Scenery
from tests.snapshots import second_server


def test_a_purger_on_a_copy_of_the_database_renews_no_lease(tmp_path: Path) -> None:
    with System(tmp_path, edges=1, lease=2, fail_safe_ttl=1) as system:
        scenery = Scenery(system)
        code = scenery.new_image()
        with (
            second_server(system.database, tmp_path / "copy") as copy,
            frozen(system.purger),
            Rival(tmp_path / "rival", copy) as rival,
        ):
            scenery.ban(code)
            scenery.wait_shown(code)
            assert not scenery.edge.trusted()
            wait_until(lambda: "purger adopt" in rival.log_text(), "the rival says what it found")
            assert rival.run("status").returncode == 3
        system.settle()
        scenery.wait_shown(code)
