"""Run the moderators' commands ban, lift and bans on the whole system, and with parts of it stopped."""

import json
from contextlib import suppress
from pathlib import Path

import pytest

from purger.moderation.bans import UncertainError, insert_ban
from purger.moderation.questions import are_known
from purger.moderation.subjects import Subject
from stack.processes.server import frozen
from stack.processes.waiting import wait_until
from takedown_base.scope import Scope
from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.connection.lasting_connection import Connection
from tests.support.sites.moderation_desk import Desk, ban_id, moderate, run
from tests.support.sites.site_actions import Site


def test_a_code_that_no_image_has_is_not_banned(desk: Desk) -> None:
    desk.new_image()
    before = desk.bans()
    result = desk.run("ban", "mistyped", code=3)
    assert "nothing was banned: no image has the code mistyped" in result.stderr
    assert "--ahead" in result.stderr
    result = desk.run("ban", "--owner", "nobody", code=3)
    assert "nothing was banned: no image has the owner nobody" in result.stderr
    assert desk.bans() == before


def test_what_no_image_has_yet_is_banned_ahead(desk: Desk) -> None:
    before = desk.bans()
    assert "image not-yet-there" in desk.run("ban", "--ahead", "not-yet-there", code=3).stdout
    assert "owner nobody-yet" in desk.run("ban", "--ahead", "--owner", "nobody-yet", code=3).stdout
    assert desk.bans() == before + 2


def test_a_ban_that_no_purger_delivers_stands_and_says_so(desk: Desk) -> None:
    code = desk.new_image()
    desk.sign(ago=3600)  # of a purger that was killed
    result = desk.run("ban", code, code=3)
    assert "the ban is committed, but no purger is alive" in result.stderr
    assert "`purger run`" in result.stderr
    assert desk.sql("SELECT COUNT(*) FROM bans WHERE subject = %s", code) == [(1,)]
    result = desk.run("lift", code, code=3)
    assert result.stdout == f"lifted 1 ban: image {code}\n"
    assert "the lift is committed, but no purger is alive" in result.stderr


def test_a_ban_without_any_edge_says_so(desk: Desk) -> None:
    desk.sql("UPDATE edges SET enabled = FALSE")
    code = desk.new_image()
    desk.sign()
    assert "there is no enabled edge" in desk.run("ban", code, code=3).stderr
    assert "there is no enabled edge" in desk.run("wait", "0", code=3).stderr


def test_an_image_whose_owner_is_banned_stays_hidden_and_lift_says_why(desk: Desk) -> None:
    owner = desk.new_owner()
    code = desk.new_image(owner)
    desk.sign()
    of_owner = ban_id(desk.run("ban", "--owner", owner, code=0))
    result = desk.run("lift", code, code=1)
    assert f"no open ban on image {code}: owner {owner} is banned (ban {of_owner})" in result.stderr
    desk.sign()
    desk.run("ban", code)
    desk.sign()
    result = desk.run("lift", code, code=3)
    assert result.stdout == f"lifted 1 ban: image {code}\n"
    assert f"the image stays hidden: owner {owner} is banned (ban {of_owner})" in result.stderr
    assert f"`purger lift --owner {owner}`" in result.stderr
    desk.sign()
    assert desk.run("lift", "--owner", owner).stdout == f"lifted 1 ban: owner {owner}\n"
    result = desk.run("lift", code, code=1)
    assert "no open ban" in result.stderr
    assert owner not in result.stderr
    desk.run("lift", "--owner", owner, code=1)


def test_bans_are_listed_newest_first(desk: Desk) -> None:
    owner = desk.new_owner()
    code = desk.new_image(owner)
    first = ban_id(desk.run("ban", code, "--by", "J. Doe", "--reason", "court\norder \x1b[2J", code=3))
    desk.run("lift", code, code=3)
    second = ban_id(desk.run("ban", code, "--by", "J. Doe", code=3))
    third = ban_id(desk.run("ban", "--owner", owner, code=3))
    lines = desk.run("bans", code).stdout.splitlines()
    assert lines[0].startswith(f"ban {second}: image {code}, 20")
    assert lines[0].endswith("Z, open")
    assert lines[1] == "    by J. Doe"
    assert lines[2].startswith(f"ban {first}: image {code}, 20")
    assert ", lifted 20" in lines[2]
    assert lines[3] == r"    by J. Doe: court\norder \x1b[2J"
    assert f"its owner {owner} is banned: ban {third}" in desk.run("bans", code).stderr
    listed = json.loads(desk.run("bans", code, "--open", "--json").stdout)
    assert [(ban["id"], ban["lifted_at"]) for ban in listed] == [(int(second), None)]
    listed = json.loads(desk.run("bans", "--json").stdout)
    assert [ban["id"] for ban in listed][:3] == [int(third), int(second), int(first)]
    result = desk.run("bans", "--limit", "1", "--json")
    assert [ban["id"] for ban in json.loads(result.stdout)] == [int(third)]
    assert "there are more" in result.stderr
    assert [ban["scope"] for ban in json.loads(desk.run("bans", "--owner", owner, "--json").stdout)] == ["owner"]
    assert desk.run("bans", "neverbanned").stdout == "no bans\n"


def test_a_refusal_of_the_database_is_told_in_plain_words(desk: Desk) -> None:
    code = desk.new_image()
    result = desk.run("ban", code, "--reason", "x" * 300, code=2)
    assert "nothing was banned: the value for reason is too long" in result.stderr
    assert "(2" not in result.stderr
    assert "1406" not in result.stderr
    result = desk.run("ban", code, "--reason", "\udcff", code=2)
    assert r"\udcff is not UTF-8 text" in result.stderr


def test_a_database_that_is_away_bans_nothing_and_says_so(tmp_path: Path) -> None:
    url = f"mysql://a@localhost/b?unix_socket={tmp_path}/none"
    for arguments in (["ban", "abc"], ["ban", "--ahead", "abc"], ["lift", "abc"], ["bans"], ["wait", "abc", "1"]):
        result = moderate(url, *arguments, code=1)
        assert result.stderr.startswith("Error: ")
        assert len(result.stderr.splitlines()) == 1
        if "ban" in arguments:
            assert "nothing was banned" in result.stderr


def test_a_ban_without_an_answer_may_stand_and_is_not_called_void(desk: Desk) -> None:
    code = desk.new_image()
    connection = Connection(desk.database.url("moderation"), timeout=1)
    subject = Subject(Scope.IMAGE, code)

    def known() -> list[bool] | None:
        with suppress(DatabaseUnavailableError):  # not within a second
            return are_known(connection, [subject])
        return None

    assert wait_until(known, "an answer in time") == [True]
    with frozen(desk.database), pytest.raises(UncertainError):
        insert_ban(connection, subject, reason="", banned_by="anna")
    connection.close()


def test_moderation_may_call_what_its_commands_need_and_read_nothing_else(desk: Desk) -> None:
    rows = desk.sql(
        "SELECT Routine_name FROM mysql.procs_priv WHERE User = 'takedown_moderation' ORDER BY Routine_name"
    )
    of_today = {"acknowledgements", "delivery", "digest_of_code", "hiding_bans", "present_triggers"}
    of_today |= {
        "content_of_name",
        "public_urls",
        "subjects_images",
        "subjects_known",
        "copies_of_content",
        "match_list",
    }
    assert {name for (name,) in rows} == of_today


def test_lifting_brings_the_image_back(site: Site) -> None:
    code = site.new_image()
    run(site, "ban", code)
    run(site, "ban", code)
    site.wait_gone(code)
    assert run(site, "lift", code).stdout == f"lifted 2 bans: image {code}\n"
    site.wait_served(code)
    run(site, "lift", code, code=1)


def test_an_owner_whose_key_begins_like_a_banned_one_is_left_alone(site: Site) -> None:
    owner = site.new_owner()
    others = [site.new_image(f"{owner}x"), site.new_image(f"x{owner}"), site.new_image(owner.upper())]
    code = site.new_image(owner)
    run(site, "ban", "--owner", owner, "--wait", "60")
    assert site.answer(code).status_code == 410
    for other in others:
        assert site.is_hit(other)
        assert site.get(other).status_code == 200
