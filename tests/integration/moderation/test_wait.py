"""Wait for acknowledgements: ``purger wait``, and the wait of ``purger ban``, by edge and by change."""

import re

from purger.moderation.acknowledgement_wait import Target, wait_acknowledged
from purger.moderation.delivery_readiness import read_delivery_readiness
from stack.processes.server import frozen
from takedown_base.scope import Scope
from takedown_db.connection.lasting_connection import Connection
from tests.support.sites.moderation_desk import Desk, ban_id, run
from tests.support.sites.site_actions import Site


def test_a_ban_without_a_number_is_acknowledged_by_nobody(desk: Desk) -> None:
    code = desk.new_image()
    desk.number()
    result = desk.run("ban", code, "--wait", "0", code=3)
    assert "no purger is alive" in result.stderr
    assert result.stdout.splitlines()[1:] == ["edge paris: not acknowledged (failing: 503\\n\\x1b[2J)"]
    for waiting in (["--ban", ban_id(result)], [code], ["--owner", "anna"], []):
        if waiting == ["--owner", "anna"]:
            desk.run("ban", "--owner", "anna", code=3)
        assert "not acknowledged" in desk.run("wait", *waiting, "0", code=3).stdout, waiting
    desk.number()
    for waiting in (["--ban", ban_id(result)], [code], ["--owner", "anna"], []):
        assert desk.run("wait", *waiting, "0").stdout == "edge paris: acknowledged\n"
    desk.run("lift", code, code=3)
    for waiting in (["--ban", ban_id(result)], [code], []):
        assert "not acknowledged" in desk.run("wait", *waiting, "0", code=3).stdout, waiting


def test_two_names_of_one_varnishd_have_acknowledged_nothing(desk: Desk) -> None:
    desk.sql(
        """INSERT INTO edges (name, purge_url, public_url, token_file, instance, acknowledged)
        SELECT 'rome', 'http://10.0.0.9:1', 'http://10.0.0.9:2', token_file, 'another', acknowledged FROM edges"""
    )
    desk.run("ban", desk.new_image(), code=3)
    desk.number()
    assert desk.run("wait", "0").stdout == "edge paris: acknowledged\nedge rome: acknowledged\n"
    desk.sql("UPDATE edges SET instance = 'one'")
    same = "not acknowledged (its purge URL leads to the same varnishd as that of edge"
    assert desk.run("wait", "0", code=3).stdout == f"edge paris: {same} rome)\nedge rome: {same} paris)\n"
    desk.sql("UPDATE edges SET enabled = (name = 'paris')")
    assert desk.run("wait", "0").stdout == "edge paris: acknowledged\n"


def test_an_edge_that_was_disabled_is_waited_for_until_it_trusts_its_cache_no_more(desk: Desk) -> None:
    desk.sql(
        """INSERT INTO edges (name, purge_url, public_url, token_file, instance, acknowledged, enabled, lease, seen_at)
        SELECT 'rome', 'http://10.0.0.9:1', 'http://10.0.0.9:2', token_file, 'another', 0, FALSE, 10,
            UTC_TIMESTAMP(6) - INTERVAL 9 SECOND FROM edges"""
    )
    desk.run("ban", desk.new_image(), code=3)
    desk.number()
    said = desk.run("wait", "0", code=3).stdout
    assert re.fullmatch(
        r"edge paris: acknowledged\nedge rome: not acknowledged \(disabled; it stops trusting its cache at "
        r"\d\d:\d\d:\d\d UTC at the latest\)\n",
        said,
    ), said
    assert desk.run("wait", "60").stdout == "edge paris: acknowledged\n"


def test_an_edge_that_is_behind_is_named(desk: Desk) -> None:
    code = desk.new_image()
    ban = ban_id(desk.run("ban", code, code=3))
    desk.number()
    desk.sql("UPDATE edges SET acknowledged = (SELECT last_batch - 1 FROM numbering), problem = NULL")
    assert desk.run("wait", "--ban", ban, "0", code=3).stdout == "edge paris: not acknowledged\n"
    desk.sql("UPDATE edges SET acknowledged = acknowledged + 1")
    desk.run("wait", "--ban", ban, "0")
    desk.sql("UPDATE edges SET instance = NULL")  # another edge under this name, not yet flushed by any purger
    desk.run("wait", "--ban", ban, "0", code=3)


def test_what_comes_after_the_wait_began_is_not_waited_for(desk: Desk) -> None:
    code = desk.new_image()
    ban = int(ban_id(desk.run("ban", code, code=3)))
    desk.number()
    connection = Connection(desk.database.url("moderation"), timeout=60)
    then = read_delivery_readiness(connection)
    desk.run("lift", code, code=3)
    for target in (Target(), Target(ban=ban), Target(scope=Scope.IMAGE, subject=code)):
        assert wait_acknowledged(connection, target, then, 0).complete, target
        assert not wait_acknowledged(connection, target, then._replace(largest=then.largest + 1000), 0).complete, target
    connection.close()


def test_a_wait_for_an_image_includes_the_bans_of_its_owner(desk: Desk) -> None:
    owner = desk.new_owner()
    code = desk.new_image(owner)
    desk.number()
    assert desk.run("wait", code, "0").stdout == "edge paris: acknowledged\n"
    desk.run("ban", "--owner", owner, code=3)
    assert "not acknowledged" in desk.run("wait", code, "0", code=3).stdout


def test_a_ban_past_its_retention_is_not_missing(desk: Desk) -> None:
    code = desk.new_image()
    ban = ban_id(desk.run("ban", code, code=3))
    desk.number()
    desk.sql("DELETE FROM invalidations WHERE ban_id = %s", ban)
    desk.sql("SET @receipts_until = (SELECT receipts_until FROM retention)")
    desk.sql("UPDATE retention SET receipts_until = UTC_TIMESTAMP(6) + INTERVAL 1 SECOND")
    try:
        desk.run("wait", code, "0")
        # What was never in the outbox has not been pruned either.
        desk.sql("DROP TRIGGER bans_inserted")
        try:
            desk.run("ban", code, code=3)
            desk.run("wait", code, "600", code=3)
        finally:
            desk.database.migrate()
    finally:
        desk.sql("UPDATE retention SET receipts_until = @receipts_until")


def test_a_ban_is_acknowledged_by_every_edge(site: Site) -> None:
    code = site.new_image()
    for edge in site.stack.edges:
        site.wait_served(code, edge)
    out = run(site, "ban", code, "--wait", "60").stdout
    assert sorted(out.splitlines()[1:]) == ["edge edge1: acknowledged", "edge edge2: acknowledged"]
    for edge in site.stack.edges:
        assert site.answer(code, edge).status_code == 410


def test_a_wait_ends_when_the_purger_comes_back(site: Site) -> None:
    code = site.new_image()
    with frozen(site.stack.purger):
        ban = ban_id(run(site, "ban", code, "--wait", "0", code=3))
    run(site, "wait", "--ban", ban, "60")
    assert site.answer(code).status_code == 410
    run(site, "wait", "60")
