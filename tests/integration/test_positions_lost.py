"""A change that the database loses before any edge is told of it: one that has seen it soon shows the image as it is.

Its position is right all the time, so that nothing flushes it.
"""

from collections.abc import Iterator

import pytest
import requests

from purger.outbox import Outbox
from stack.server import away
from stack.waiting import PATIENCE, wait_until
from takedown_db.connection import Connection
from tests.chaos.history import BANNED, State
from tests.chaos.system import System
from tests.support.database_snapshots import put_back, take_copy
from tests.support.one_edge_site import OneEdgeSite

NEVER = "86400"  # seconds


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with System(
        tmp_path_factory.mktemp("lost"),
        edges=1,
        lease=3600,
        fetch_timeout=60,
        purger_options={"PURGER_AUDIT_INTERVAL": NEVER},
    ) as running:
        yield running


@pytest.mark.parametrize("numbered", [True, False], ids=["numbered", "pending"])
@pytest.mark.parametrize(("before", "lost"), [(BANNED, 1), (1, BANNED)], ids=["lift", "ban"])
def test_a_lost_change_is_not_shown_for_long(system: System, before: State, lost: State, numbered: bool) -> None:
    scenery, edge = OneEdgeSite(system), system.edges[0]
    code = scenery.new_image()
    if before == BANNED:
        scenery.ban(code)
    system.settle()
    scenery.wait_shown(code, before)
    copy = take_copy(system.database, system.new_directory("copy"))
    with away(system.purger):
        if before == BANNED:
            scenery.lift(code)
        else:
            scenery.ban(code)
        if numbered:
            number(system)
            # Without a date the edge would keep it for two seconds in any case.
            wait_until(lambda: lost == BANNED or dated(system, code), f"the date of {code}")
        # As the edge would do for want of room.
        assert edge.ask("PURGE", f"/images/{code}").status_code == 200
        scenery.wait_shown(code, lost)
        with away(system.database):
            put_back(system.database, copy)
    scenery.wait_shown(code, before)
    system.settle()


def dated(system: System, code: str) -> bool:
    return "Last-Modified" in requests.get(f"{system.origin.url}/images/{code}", timeout=PATIENCE).headers


def number(system: System) -> None:
    """Number all that is committed, as a purger does before it sends it."""
    link = Connection(system.database.url("purger"), timeout=30)
    assert Outbox(link).take(None).head.batch > 0
    link.close()


def test_what_the_edge_was_told_of_is_kept(system: System) -> None:
    scenery = OneEdgeSite(system)
    code = scenery.new_image()
    scenery.ban(code)
    system.settle()
    scenery.wait_shown(code)
    scenery.get(code)
    system.pause(system.vcl["fail_safe_ttl"] + 0.5)
    assert scenery.get(code).headers["Cache-Status"] == "edge-takedown; hit"
