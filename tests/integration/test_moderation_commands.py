"""Run the moderators' commands ban, lift, bans and wait on the whole system, and with parts of it stopped."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from mysql.connector.abstracts import MySQLCursorAbstract

from purger import moderation
from purger.acknowledgement_wait import Target, wait_acknowledged
from purger.cli.main import cli
from purger.delivery_state import read_delivery_state
from purger.outbox import Outbox
from stack.database import Database
from stack.server import frozen
from takedown_db.connection import Connection
from takedown_db.scope import Scope
from tests.support.site import Site

_numbers = count(1)


def run(site: Site, *arguments: str, code: int = 0) -> Result:
    """Run a moderator's command with moderation's URL alone. Asserts its exit code; returns its result."""
    return moderate(site.stack.database.url("moderation"), *arguments, code=code)


def moderate(url: str, *arguments: str, code: int = 0) -> Result:
    result = CliRunner(env={"PURGER_MODERATION_URL": url}).invoke(cli, arguments)
    assert result.exit_code == code, (result.output, result.exception)
    return result


def ban_id(result: Result) -> str:
    return result.stdout.removeprefix("ban ").partition(":")[0]


class Desk:
    """A moderator's database without a purger, with an edge that has acknowledged all changes by its row."""

    def __init__(self, database: Database, admin: MySQLCursorAbstract) -> None:
        self.database = database
        self._admin = admin
        self.sql("DELETE FROM edges")
        self.sql("DELETE FROM purgers")
        self.sql(
            """INSERT INTO edges (name, purge_url, public_url, token_file, instance, acknowledged, problem)
            VALUES ('paris', 'http://a', 'http://a', '', 'one', 1000000, 'failing: 503\n\x1b[2J')"""
        )

    def sql(self, text: str, *values: str | int) -> list[tuple[object, ...]]:
        self._admin.execute(text, values)
        return [tuple(row) for row in self._admin.fetchall()] if self._admin.description else []

    def bans(self) -> int:
        return int(str(self.sql("SELECT COUNT(*) FROM bans")[0][0]))

    def new_image(self, owner: str = "anna") -> str:
        code = f"desk{next(_numbers)}"
        self.sql("INSERT INTO images (code, owner) VALUES (%s, %s)", code, owner)
        return code

    def new_owner(self) -> str:
        return f"owner{next(_numbers)}"

    def run(self, *arguments: str, code: int = 0) -> Result:
        return moderate(self.database.url("moderation"), *arguments, code=code)

    def sign(self, ago: int = -4) -> None:
        """Write a purger's sign of life, so many seconds old. It counts for 5 s."""
        self.sql("DELETE FROM purgers")
        then = "UTC_TIMESTAMP(3) - INTERVAL %s SECOND"
        self.sql(f"INSERT INTO purgers VALUES ('p', 'host', 1, '0.2', UTC_TIMESTAMP(3), {then})", ago)

    def fingerprint(self) -> str:
        """Read the fingerprint of the triggers, as an edge's flush records it."""
        connection = Connection(self.database.url("purger"), timeout=60)
        try:
            return Outbox(connection).triggers().fingerprint
        finally:
            connection.close()

    def number(self) -> None:
        """Put the waiting changes into a batch, as a purger does."""
        self.sql("SET @size = 0, @more = 0")
        self.sql("CALL number_invalidations_v2(NULL, @size, @more)")


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    with database.connect_admin() as connection, connection.cursor() as cursor:
        yield Desk(database, cursor)


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
    assert "the ban stands, but no purger is alive" in result.stderr
    assert "`purger run`" in result.stderr
    assert desk.sql("SELECT COUNT(*) FROM bans WHERE subject = %s", code) == [(1,)]
    result = desk.run("lift", code, code=3)
    assert result.stdout == f"lifted 1 ban: image {code}\n"
    assert "the lift stands, but no purger is alive" in result.stderr


def test_a_ban_without_any_edge_says_so(desk: Desk) -> None:
    desk.sql("UPDATE edges SET enabled = FALSE")
    code = desk.new_image()
    desk.sign()
    assert "there is no enabled edge" in desk.run("ban", code, code=3).stderr
    assert "there is no enabled edge" in desk.run("wait", "0", code=3).stderr


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
    then = read_delivery_state(connection)
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
    desk.sql("DROP TRIGGER bans_inserted_v1")
    try:
        return desk.run(*arguments, code=3)
    finally:
        desk.database.migrate()


def test_a_ban_says_that_no_trigger_saw_it(desk: Desk) -> None:
    code = desk.new_image()
    desk.sign()
    advice = "the ban stands, but no trigger put it into the outbox: run `purger migrate`"
    assert advice in without_trigger(desk, "ban", code).stderr
    assert desk.sql("SELECT COUNT(*) FROM bans WHERE subject = %s", code) == [(1,)]
    desk.sign()
    assert "the outbox" not in desk.run("ban", code).stderr


def test_nothing_is_called_acknowledged_while_a_trigger_is_missing(desk: Desk) -> None:
    code = desk.new_image()
    desk.number()
    desk.sign()
    result = without_trigger(desk, "wait", "600")
    assert "(bans_inserted_v1): run `purger migrate`" in result.stderr
    assert result.stdout == "edge paris: not acknowledged (failing: 503\\n\\x1b[2J)\n"
    desk.run("wait", code, "0")  # each of its changes is in the outbox
    desk.run("ban", code)
    desk.sign()
    assert "the lift stands, but triggers are missing" in without_trigger(desk, "lift", code).stderr


@pytest.mark.parametrize("of_owner", [False, True])
def test_a_subject_with_a_ban_that_no_trigger_saw_waits_for_the_flush(desk: Desk, of_owner: bool) -> None:
    owner = desk.new_owner()
    code = desk.new_image(owner)
    desk.number()
    desk.run("wait", code, "0")
    desk.sql("DROP TRIGGER bans_inserted_v1")
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
    desk.sql("DROP TRIGGER bans_updated_v1")
    try:
        desk.sql("UPDATE bans SET lifted_at = NULL WHERE id = %s", ban)
        assert "is not in the outbox" in desk.run("wait", code, "600", code=3).stderr
    finally:
        desk.database.migrate()


def test_a_ban_past_its_retention_is_not_missing(desk: Desk) -> None:
    code = desk.new_image()
    ban = ban_id(desk.run("ban", code, code=3))
    desk.number()
    desk.sql("DELETE FROM invalidations WHERE ban_id = %s", ban)
    before = desk.sql("SELECT receipts_until FROM retention")[0][0]
    desk.sql("UPDATE retention SET receipts_until = UTC_TIMESTAMP(6) + INTERVAL 1 SECOND")
    try:
        desk.run("wait", code, "0")
        # What was never in the outbox has not been pruned either.
        desk.sql("DROP TRIGGER bans_inserted_v1")
        try:
            desk.run("ban", code, code=3)
            desk.run("wait", code, "600", code=3)
        finally:
            desk.database.migrate()
    finally:
        desk.sql("UPDATE retention SET receipts_until = %s", before)  # type: ignore[arg-type]


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


@pytest.mark.parametrize("subject", ["with space", "trailing ", "dot.dot", "a/b", "ü", "", "x" * 65, "x" * 300, "a\n"])
@pytest.mark.parametrize("verb", ["ban", "lift", "bans"])
def test_what_can_be_no_code_is_refused_with_the_rule(desk: Desk, verb: str, subject: str) -> None:
    before = desk.bans()
    result = desk.run(verb, "--", subject, code=2)
    assert "1 to 64 of A-Z a-z 0-9 _ -" in result.stderr
    assert desk.bans() == before


@pytest.mark.parametrize("typed", ["https://img.example.org/images/cat-1/thumb?x=1", "cat-1.JPG", "uploads/cat-1.webp"])
def test_the_code_in_a_url_or_a_file_name_is_suggested(desk: Desk, typed: str) -> None:
    for verb in ("ban", "lift"):
        assert "(did you mean 'cat-1'?)" in desk.run(verb, typed, code=2).stderr
    assert "(did you mean 'cat-1'?)" in desk.run("wait", typed, "0", code=2).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        *(
            ["ban", "--wait", "nan", "abc"],
            ["ban"],
            ["ban", "abc", "--owner", "abc"],
            ["ban", "--wait", "-1", "abc"],
            ["lift"],
            ["bans", "--limit", "0"],
        ),
        *(["wait"], ["wait", "soon"], ["wait", "a", "b", "1"], ["wait", "a", "--ban", "1", "1"], ["wait", "nan"]),
    ],
)
def test_a_command_that_says_nothing_clear_is_refused(desk: Desk, arguments: list[str]) -> None:
    assert "Error: " in desk.run(*arguments, code=2).stderr


@pytest.mark.parametrize("arguments", [["sample-1-2"], ["--owner", "anna", "soon"]])
def test_a_wait_without_seconds_says_that_they_are_missing(desk: Desk, arguments: list[str]) -> None:
    assert f"SECONDS are missing: '{arguments[-1]}' is no number" in desk.run("wait", *arguments, code=2).stderr


@pytest.mark.parametrize("code", ["-abc", "--abc"])
def test_a_code_that_begins_with_a_dash_is_given_after_two(desk: Desk, code: str) -> None:
    for verb in ("ban", "lift", "bans"):
        assert f"{verb} -- {code}`" in desk.run(verb, code, code=2).stderr
        assert "No such option" not in desk.run(verb, "--", code, code={"ban": 3, "lift": 1, "bans": 0}[verb]).stderr
    assert f"wait -- {code}`" in desk.run("wait", code, "1", code=2).stderr


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
    assert moderation.is_known(connection, Scope.IMAGE, code)
    with frozen(desk.database), pytest.raises(moderation.UncertainError):
        moderation.ban(connection, Scope.IMAGE, code, reason="", banned_by="anna")
    connection.close()


def test_a_schema_of_before_still_takes_a_ban(desk: Desk) -> None:
    """A takedown does not wait for `purger migrate`; what cannot be told is said."""
    desk.sql("DROP PROCEDURE subject_known_v1")
    try:
        result = desk.run("ban", "whatever", code=3)
        assert "`purger migrate`" in result.stderr
        assert desk.sql("SELECT COUNT(*) FROM bans WHERE subject = 'whatever'") == [(1,)]
    finally:
        desk.database.migrate()


def test_moderation_may_call_what_its_commands_need_and_read_nothing_else(desk: Desk) -> None:
    rows = desk.sql(
        "SELECT Routine_name FROM mysql.procs_priv WHERE User = 'takedown_moderation' ORDER BY Routine_name"
    )
    names = ("acknowledgements_v1", "delivery_v1", "owner_bans_v1", "standing_triggers_v2", "subject_known_v1")
    assert rows == [(name,) for name in names]


def test_a_ban_is_acknowledged_by_every_edge(site: Site) -> None:
    code = site.new_image()
    for edge in site.stack.edges:
        site.wait_served(code, edge)
    out = run(site, "ban", code, "--wait", "60").stdout
    assert sorted(out.splitlines()[1:]) == ["edge edge1: acknowledged", "edge edge2: acknowledged"]
    for edge in site.stack.edges:
        assert site.get(code, edge).status_code == 410


def test_a_wait_ends_when_the_purger_comes_back(site: Site) -> None:
    code = site.new_image()
    with frozen(site.stack.purger):
        ban = ban_id(run(site, "ban", code, "--wait", "0", code=3))
    run(site, "wait", "--ban", ban, "60")
    assert site.get(code).status_code == 410
    run(site, "wait", "60")


def test_an_image_whose_ban_no_trigger_saw_is_acknowledged_when_the_edges_were_flushed(site: Site) -> None:
    code = site.new_image()
    for edge in site.stack.edges:
        site.wait_served(code, edge)
    with site.admin.cursor() as cursor:
        cursor.execute("DROP TRIGGER bans_inserted_v1")
    try:
        assert "no trigger put it into the outbox" in run(site, "ban", code, code=3).stderr
        assert f"an open ban of image {code} is not in the outbox" in run(site, "wait", code, "600", code=3).stderr
        assert "(bans_inserted_v1): run `purger migrate`" in run(site, "wait", "600", code=3).stderr
    finally:
        site.stack.database.migrate()
    run(site, "wait", code, "60")
    for edge in site.stack.edges:
        assert site.get(code, edge).status_code == 410
    run(site, "wait", "60")


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
    assert site.get(code).status_code == 410
    for other in others:
        assert site.is_hit(other)
        assert site.get(other).status_code == 200
