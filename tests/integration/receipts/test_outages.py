"""Ban while a part is stopped: each ban is proven in the end, or its receipt has a reason why not."""

import re
from collections.abc import Iterator

import pytest

from stack.processes.waiting import wait_until
from stack.system import Stack, StackSettings
from tests.support.purgers.receipts_command import ask, banned_image, outcomes, receipts, wait_proven
from tests.support.sites.site_actions import Site


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run a stack of its own, to stop its servers. Its lease is long, so edges go on trusting their caches."""
    options = {"PURGER_AUDIT_INTERVAL": "86400", "PURGER_PRUNE_INTERVAL": "86400"}
    settings = StackSettings(edges=2, edge_settings={"lease": 600.0}, purger_options=options)
    with Stack(tmp_path_factory.mktemp("receipts"), settings) as running:
        yield running


def test_a_ban_after_a_restart_of_the_database(site: Site) -> None:
    banned_image(site)
    code = site.new_image()
    site.stack.database.stop()
    site.stack.database.start()
    with site.stack.database.connect("moderation") as connection:
        site.ban(code, connection=connection)
    wait_proven(site, code)


def test_a_ban_after_a_quiet_spell_longer_than_wait_timeout(site: Site) -> None:
    def closed() -> int:
        with site.admin.cursor() as cursor:
            cursor.execute("SHOW GLOBAL STATUS LIKE 'Aborted_clients'")
            ((_, number),) = [tuple(row) for row in cursor.fetchall()]
            return int(str(number))

    code, other = site.new_image(), site.new_image()
    probed = f"""SELECT COUNT(*) FROM sightings JOIN invalidations ON invalidations.id = invalidation
        WHERE subject = '{other}'"""
    with site.admin.cursor() as cursor:
        # Meanwhile the test opens no session: one of its own could be idle for as long on a busy machine.
        cursor.execute("SET GLOBAL wait_timeout = 2")
        try:
            site.stack.purger.stop()
            site.stack.purger.start()
            site.ban(other)
            wait_until(lambda: site.number(probed) == 2, "the prober and the recorder have sessions")
            before = closed()
            wait_until(lambda: closed() > before, "the server closes an idle session of the purger")
            cursor.execute("SET GLOBAL wait_timeout = 28800")
            with site.connect("moderation").cursor() as moderation:
                moderation.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (code,))
            wait_proven(site, code)
        finally:
            cursor.execute("SET GLOBAL wait_timeout = 28800")
            site.stack.purger.stop()
            site.stack.purger.start()


def test_a_ban_to_an_edge_that_was_away_and_flushed(site: Site) -> None:
    code = site.new_image()
    site.stack.edges[1].stop()
    site.ban(code)
    wait_until(lambda: outcomes(site, code) == {"edge1": "gone", "edge2": "not acknowledged"} or None, "edge1 alone")
    exit_code, out = ask(site, code)
    assert exit_code == 3
    assert out.startswith(f"image {code}: 1 ban in force; not proven at edge2\n")
    assert re.search(r"edge2 +not yet .*stops trusting its cache at \d\d:\d\d:\d\d UTC at the latest", out), out
    site.stack.edges[1].start()
    assert wait_proven(site, code)["edge2"]["method"] == "flush"


def test_a_probe_of_edges_that_have_not_acknowledged_tells_and_records_nothing(site: Site) -> None:
    code = site.new_image()
    site.stack.purger.stop()
    try:
        site.ban(code)
        exit_code, out = ask(site, code, "--probe")
        assert exit_code == 4
        assert "STILL SHOWN at edge1" in out
        assert "not yet numbered" in ask(site, code)[1]
        assert ask(site, code)[0] == 3
        assert receipts(site, code)["resends"] == []
    finally:
        site.stack.purger.start()
    wait_proven(site, code)


@pytest.mark.parametrize("scope", ["image", "owner"])
def test_a_ban_that_was_written_while_its_trigger_was_missing(site: Site, scope: str) -> None:
    owner = site.new_owner()
    code = site.new_image(owner)
    with site.admin.cursor() as cursor:
        cursor.execute("DROP TRIGGER bans_inserted")
        try:
            site.ban(code if scope == "image" else owner, scope)
            exit_code, out = ask(site, code)
            assert exit_code == 3
            assert (
                "no purge was written for it: a trigger was missing, and is missing still: run `purger migrate`" in out
            )
            assert outcomes(site, code) == {"edge1": "not acknowledged", "edge2": "not acknowledged"}
            assert site.is_hit(code)
            assert ask(site, code, "--probe")[0] == 4
        finally:
            site.stack.purger.run("migrate").check_returncode()
    # Each edge is flushed because a trigger was made again. No probe has run yet, and no row could hold its result.
    wait_until(lambda: "; it was made again" in ask(site, code)[1], "the trigger is whole")
    wait_until(lambda: ask(site, code, "--probe")[0] == 0, "the image is gone at every edge")
    assert set(outcomes(site, code).values()) <= {"gone", "not proven"}
