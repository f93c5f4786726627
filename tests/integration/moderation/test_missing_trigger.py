"""Ban without the trigger that fills the outbox: no command calls such a ban acknowledged."""

import pytest
from click.testing import Result

from tests.support.sites.moderation_desk import Desk, ban_id, run
from tests.support.sites.site_actions import Site


def test_a_ban_that_no_trigger_saw_is_never_acknowledged(desk: Desk) -> None:
    code = desk.new_image()
    ban = ban_id(desk.run("ban", code, code=3))
    desk.number()
    desk.sql("DELETE FROM invalidations WHERE ban_id = %s", ban)
    assert f"nothing of ban {ban} is in the outbox" in desk.run("wait", "--ban", ban, "600", code=3).stderr
    result = desk.run("wait", code, "600", code=3)
    assert f"an open ban of image {code} is not in the outbox" in result.stderr
    # The cure that it names.
    assert "Ban it again" in result.stderr
    desk.run("ban", code, code=3)
    desk.number()
    desk.run("wait", code, "0")


def without_trigger(desk: Desk, *arguments: str) -> Result:
    """Run a command without the trigger that puts bans into the outbox. Asserts exit code 3."""
    desk.sql("DROP TRIGGER bans_inserted")
    try:
        return desk.run(*arguments, code=3)
    finally:
        desk.database.migrate()


def test_a_ban_says_that_no_trigger_saw_it(desk: Desk) -> None:
    code = desk.new_image()
    desk.sign()
    advice = "the ban is committed, but no trigger put it into the outbox: run `purger migrate`"
    assert advice in without_trigger(desk, "ban", code).stderr
    assert desk.sql("SELECT COUNT(*) FROM bans WHERE subject = %s", code) == [(1,)]
    desk.sign()
    assert "the outbox" not in desk.run("ban", code).stderr


def test_nothing_is_called_acknowledged_while_a_trigger_is_missing(desk: Desk) -> None:
    code = desk.new_image()
    desk.number()
    desk.sign()
    result = without_trigger(desk, "wait", "600")
    assert "(bans_inserted): run `purger migrate`" in result.stderr
    assert result.stdout == "edge paris: not acknowledged (failing: 503\\n\\x1b[2J)\n"
    desk.run("wait", code, "0")  # each of its changes is in the outbox
    desk.run("ban", code)
    desk.sign()
    assert "the lift is committed, but triggers are missing" in without_trigger(desk, "lift", code).stderr


@pytest.mark.parametrize("of_owner", [False, True])
def test_a_subject_with_a_ban_that_no_trigger_saw_waits_for_the_flush(desk: Desk, of_owner: bool) -> None:
    owner = desk.new_owner()
    code = desk.new_image(owner)
    desk.number()
    desk.run("wait", code, "0")
    desk.sql("DROP TRIGGER bans_inserted")
    try:
        desk.run("ban", *(["--owner", owner] if of_owner else [code]), code=3)
        desk.sign()
        result = desk.run("wait", code, "600", code=3)
        assert f"an open ban of image {code} is not in the outbox" in result.stderr
        assert "Run `purger migrate`" in result.stderr
        assert "edge paris: acknowledged" not in result.stdout
    finally:
        desk.database.migrate()
    for target in ([code], []):
        desk.sql("UPDATE edges SET triggers = 'as they were before'")
        assert "not acknowledged" in desk.run("wait", *target, "0", code=3).stdout
        flushed = desk.fingerprint()
        desk.sql("UPDATE edges SET triggers = %s", flushed)
        assert desk.run("wait", *target, "0").stdout == "edge paris: acknowledged\n"


def test_a_ban_that_was_opened_again_unseen_is_not_acknowledged(desk: Desk) -> None:
    code = desk.new_image()
    ban = ban_id(desk.run("ban", code, code=3))
    desk.run("lift", code, code=3)
    desk.number()
    desk.run("wait", code, "0")
    desk.sql("DROP TRIGGER bans_updated")
    try:
        desk.sql("UPDATE bans SET lifted_at = NULL WHERE id = %s", ban)
        assert "is not in the outbox" in desk.run("wait", code, "600", code=3).stderr
    finally:
        desk.database.migrate()


def test_an_image_whose_ban_no_trigger_saw_is_acknowledged_when_the_edges_were_flushed(site: Site) -> None:
    code = site.new_image()
    for edge in site.stack.edges:
        site.wait_served(code, edge)
    with site.admin.cursor() as cursor:
        cursor.execute("DROP TRIGGER bans_inserted")
    try:
        assert "no trigger put it into the outbox" in run(site, "ban", code, code=3).stderr
        assert f"an open ban of image {code} is not in the outbox" in run(site, "wait", code, "600", code=3).stderr
        assert "(bans_inserted): run `purger migrate`" in run(site, "wait", "600", code=3).stderr
    finally:
        site.stack.database.migrate()
    run(site, "wait", code, "60")
    for edge in site.stack.edges:
        assert site.answer(code, edge).status_code == 410
    run(site, "wait", "60")
