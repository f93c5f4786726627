"""Break one part at a time: promises G1, G3, G4 and G9 (docs/guide/promises.md) hold. Each test repairs its fault."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from stack.processes.server import Server, away, frozen
from stack.processes.waiting import wait_until
from stack.system import Stack, StackSettings
from tests.support.sites.site_actions import Site

#: Lease of the second edge, in seconds.
LEASE = 4.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run a stack of its own, so that the faults disturb no other test.

    The first edge trusts its cache through every outage, the second one soon stops.
    """
    settings = StackSettings(edges=2, settings_of_edge={"edge1": {"lease": 600.0}, "edge2": {"lease": LEASE}})
    with Stack(tmp_path_factory.mktemp("faults"), settings) as running:
        yield running


def test_a_row_that_commits_late_is_delivered_and_an_open_one_delays_nobody(site: Site) -> None:
    early, late = site.new_image(), site.new_image()
    slow_moderator = site.connect("moderation")
    slow_moderator.start_transaction()
    site.ban(late, connection=slow_moderator)  # takes the smaller id and does not commit yet
    site.ban(early)
    site.wait_gone(early)
    assert site.get(late).status_code == 200
    assert site.is_hit(late)

    slow_moderator.commit()
    site.wait_gone(late)
    site.wait_gone(late, site.stack.edges[1])


def test_a_purger_killed_between_the_ban_and_the_delivery_loses_nothing(site: Site) -> None:
    code = site.new_image()
    assert site.is_hit(code)
    purger = site.stack.purger
    purger.pause()
    site.ban(code)
    assert site.is_hit(code), "a frozen purger cannot have delivered the ban"
    purger.kill()
    purger.start()
    site.wait_gone(code)


def test_a_frozen_edge_delays_nobody_and_loses_nothing(site: Site) -> None:
    code = site.new_image()
    first, second = site.stack.edges
    for edge in (first, second):
        site.wait_hit(code, edge)
    with frozen(first):
        site.ban(code)
        site.wait_gone(code, second)
    site.wait_gone(code, first)
    first.wait_trusted()


def test_a_restarted_edge_is_flushed_and_trusted_again(site: Site) -> None:
    code = site.new_image()
    edge = site.stack.edges[1]
    edge.stop()
    site.ban(code)
    site.wait_gone(code, site.stack.edge)
    with frozen(site.stack.purger):
        edge.start()
        assert not edge.trusted()
    edge.wait_trusted()
    site.wait_gone(code, edge)


def test_without_a_purger_a_banned_image_goes_with_the_lease_and_the_site_keeps_working(site: Site) -> None:
    code, other = site.new_image(), site.new_image()
    trusting, wary = site.stack.edges
    site.wait_hit(code, wary)
    with frozen(site.stack.purger):
        site.ban(code)
        site.wait_gone(code, wary)
        wait_until(lambda: not wary.trusted(), "the lease is over")
        assert site.is_hit(code, trusting), "it went with the lease, not by a purge"
        answer = site.answer(other, wary)
        assert answer.status_code == 200
        assert "detail=fail-safe" in answer.headers["Cache-Status"]
    wary.wait_trusted()
    wait_until(lambda: site.get(other, wary).headers["Cache-Status"] == "edge-takedown; hit", "the cache at work")


def test_an_origin_that_was_frozen_goes_on(site: Site) -> None:
    code = site.new_image()
    with frozen(site.stack.origin):
        site.stack.edge.ask("PURGE", f"/images/{code}")
        assert site.get(code).status_code == 503
    site.wait_served(code)
    site.stack.check()


@pytest.mark.parametrize("gone", [away, frozen])
def test_a_database_that_is_away_is_an_honest_503_and_all_recover_by_themselves(
    site: Site, gone: Callable[[Server], AbstractContextManager[None]]
) -> None:
    code, unseen = site.new_image(), site.new_image()
    trusting, wary = site.stack.edges
    site.wait_hit(code, wary)
    trusting.ask("PURGE", f"/images/{unseen}")
    with gone(site.stack.database):
        assert site.is_hit(code)
        answer = site.get(unseen)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["Cache-Control"] == "no-store"
        wait_until(lambda: site.get(code, wary).status_code == 503, "images turn to 503 once the lease is over")
        assert site.is_hit(code)
    site.wait_served(unseen)
    for edge in site.stack.edges:
        edge.wait_trusted()
        site.wait_served(code, edge)
    site.ban(code, connection=site.connect("moderation"))
    site.wait_gone(code)


def test_a_primary_that_is_demoted_under_open_connections_fills_no_cache_and_vouches_for_nothing(site: Site) -> None:
    code, unseen = site.new_image(), site.new_image()
    trusting, wary = site.stack.edges
    site.wait_hit(code, wary)
    trusting.ask("PURGE", f"/images/{unseen}")
    with site.read_only_server():
        assert site.get(unseen).status_code == 503
        wait_until(lambda: not wary.trusted(), "the lease is over")
        wait_until(lambda: site.get(code, wary).status_code == 503, "no older answer than the fail-safe TTL")
        assert "read-only" in site.stack.purger.run("status").stdout
    site.wait_served(unseen)
    wary.wait_trusted()


def test_the_purger_starts_while_database_and_edge_are_away_and_says_so_once(site: Site) -> None:
    code = site.new_image()
    stack = site.stack
    first, second = stack.edges
    assert site.is_hit(code)
    stack.purger.stop()
    with away(second):
        with away(stack.database):
            stack.purger.start()
            wait_until(lambda: "ERROR" in stack.purger.log_text(), "the purger says that the database is away")
        site.ban(code, connection=site.connect("moderation"))
        site.wait_gone(code)
        first.wait_trusted()

        def said() -> list[str]:
            lines = stack.purger.log_text().splitlines()
            return [line for line in lines if second.edge_name in line and "ERROR" in line]

        assert len(wait_until(said, "the purger says that the edge is away")) == 1, said()
    second.wait_trusted()
    site.wait_gone(code, second)


def test_a_vanished_or_short_file_is_an_error_that_nobody_keeps(site: Site) -> None:
    code = site.new_image()
    digest = site.get(code).headers["ETag"].strip('"')
    path = next(Path(site.stack.origin.files).rglob(digest))
    whole = path.read_bytes()
    for broken in (None, whole[:-1], b""):
        path.unlink()
        if broken is not None:
            path.write_bytes(broken)
        site.stack.edge.ask("PURGE", f"/images/{code}")
        answer = site.answer(code)
        assert answer.status_code == 500
        assert answer.headers["Cache-Control"] == "no-store"
        path.write_bytes(whole)
        site.wait_served(code)
    assert code in site.stack.origin.log_text()
