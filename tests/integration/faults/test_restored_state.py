"""Set an edge or a database back, or let the origin read an older copy: no edge shows an earlier state.

The lease is long, so objects stay in the cache unless a flush or a purge removes them.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from stack.processes.server import away, frozen
from tests.chaos.history import BANNED, Other
from tests.chaos.system.system_with_proxies import System
from tests.support.database.snapshots import put_back, second_server, take_copy
from tests.support.edges.first_edge import OneEdgeSite


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with System(tmp_path_factory.mktemp("positions"), edges=1, lease=600, fetch_timeout=60) as running:
        yield running


@pytest.fixture
def site(system: System) -> Iterator[OneEdgeSite]:
    """Wait until the system has settled, before and after the test."""
    system.settle()
    yield OneEdgeSite(system)
    system.settle()


def test_an_edge_that_goes_back_to_a_snapshot_shows_no_image_that_was_banned_since(site: OneEdgeSite) -> None:
    system, edge = site.system, site.edge
    with system.clone(edge) as clone:
        system.put(edge, clone)
        system.settle()
        banned, replaced, untouched = (site.new_image() for _ in range(3))
        with frozen(clone):
            system.put(edge, edge)
            site.ban(banned)
            site.replace(replaced)
            system.settle()
        system.put(edge, clone)
        site.wait_shown(banned)
        site.wait_shown(replaced, 2)
        assert site.shown(untouched) == 1
        system.settle()
        system.put(edge, edge)


@pytest.mark.parametrize("purger_back", [False, True], ids=["purger-up", "purger-down"])
@pytest.mark.parametrize("since", [0, 5])
def test_a_database_that_loses_commits_is_shown_as_it_is(site: OneEdgeSite, purger_back: bool, since: int) -> None:
    """Lose commits. ``since`` new bans then get the numbers of the lost ones, and further numbers."""
    system = site.system
    lifted, banned = site.new_image(), site.new_image()
    site.ban(lifted)
    system.settle()
    copy = take_copy(system.database, system.new_directory("copy"))
    site.lift(lifted)
    site.ban(banned)
    system.settle()
    site.wait_shown(lifted, 1)
    site.wait_shown(banned)
    purger: AbstractContextManager[Any] = away(system.purger) if purger_back else nullcontext()
    with purger:
        with away(system.database):
            put_back(system.database, copy)
        for number in range(since):
            site.ban(f"other-{number}")
    site.wait_shown(lifted, BANNED)
    site.wait_shown(banned, 1)


def test_an_origin_on_a_copy_that_lags_and_accepts_writes_fills_no_cache_with_the_past(site: OneEdgeSite) -> None:
    system = site.system
    code, replaced, untouched = (site.new_image() for _ in range(3))
    with (
        second_server(system.database, system.new_directory("copy")) as copy,
        system.lookup_proxy.turned_to(copy.socket),
    ):
        site.ban(code)
        site.replace(replaced)
        system.wait_acknowledged()
        site.edge.ask("PURGE", f"/images/{untouched}")
        # Until a second after the commit the edge may show, and not cache, an earlier answer of the origin.
        system.pause(1.0)
        for _ in range(10):
            assert site.shown(code) in (BANNED, Other.REFUSED)
            assert site.shown(replaced) in (2, Other.REFUSED)
    site.wait_shown(code)
    site.wait_shown(replaced, 2)
    site.wait_shown(untouched, 1)
