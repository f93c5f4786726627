"""Lose a change before an edge is told of it: an edge that has already fetched its state soon shows the image as it is.

Its position is right all the time, so that nothing flushes it.
"""

from collections.abc import Iterator

import pytest
import requests

from purger.outbox.outbox import Outbox
from stack.processes.server import away
from stack.processes.waiting import PATIENCE, wait_until
from takedown_db.connection.lasting_connection import Connection
from tests.chaos.history import BANNED, State
from tests.chaos.system.system_with_proxies import System
from tests.support.database.snapshots import put_back, take_copy
from tests.support.edges.first_edge import OneEdgeSite

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
    site, edge = OneEdgeSite(system), system.edges[0]
    code = site.new_image()
    if before == BANNED:
        site.ban(code)
    system.settle()
    site.wait_shown(code, before)
    copy = take_copy(system.database, system.new_directory("copy"))
    with away(system.purger):
        if before == BANNED:
            site.lift(code)
        else:
            site.ban(code)
        if numbered:
            number(system)
            # Without a date the edge would keep it for two seconds in any case.
            wait_until(lambda: lost == BANNED or dated(system, code), f"the date of {code}")
        # As the edge would do for want of room.
        assert edge.ask("PURGE", f"/images/{code}").status_code == 200
        site.wait_shown(code, lost)
        with away(system.database):
            put_back(system.database, copy)
    site.wait_shown(code, before)
    system.settle()


def dated(system: System, code: str) -> bool:
    return "Last-Modified" in requests.get(f"{system.origin.url}/images/{code}", timeout=PATIENCE).headers


def number(system: System) -> None:
    """Put all committed changes into batches, as a purger does before it sends them."""
    connection = Connection(system.database.url("purger"), timeout=30)
    assert Outbox(connection).take(None).head.batch > 0
    connection.close()


def test_what_the_edge_was_told_of_is_kept(system: System) -> None:
    site = OneEdgeSite(system)
    code = site.new_image()
    site.ban(code)
    system.settle()
    site.wait_shown(code)
    site.get(code)
    system.pause(system.vcl["fail_safe_ttl"] + 0.5)
    assert site.get(code).headers["Cache-Status"] == "edge-takedown; hit"
