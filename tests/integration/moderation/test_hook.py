"""Let `purger hook` put triggers on tables of a site's own, and let the site's own statements ban and lift by them."""

import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import mysql.connector
import pytest
from click.testing import CliRunner

from purger.cli.main import cli
from stack.databases.database import Database
from takedown_base.name_codes import code_of_name
from takedown_db.hooks import plan as hook_plan
from takedown_db.hooks.triggers import Trigger, triggers_of
from tests.support.database.hooked_tables import HookedSite

PICTURES = ("--table", "pictures", "--code-column", "code", "--when", "path IS NULL")
ITEMS = (
    *("--table", "web-shop.items", "--code-expression", "CONCAT('item-', id)"),
    *("--when", "`the ``status` IN ('removed', 'blocked') AND name <> 'kept; // '"),
)
BLOCKLIST = ("--table", "blocklist", "--digest-column", "sha256", "--when", "active")
USERS = ("--table", "site.users", "--owner-column", "id", "--when", "Banned", "--name", "people")

#: A trigger that no server takes.
BROKEN = Trigger("broken", "DELETE", "CREATE TRIGGER broken")


@pytest.fixture(scope="module")
def running_site(database: Database) -> Iterator[HookedSite]:
    with closing(HookedSite(database)) as site:
        yield site


@pytest.fixture
def site(running_site: HookedSite) -> Iterator[HookedSite]:
    """Give the test empty tables, and remove its hooks after it."""
    yield running_site
    for name in ("pictures", "items", "people", "blocklist"):
        with suppress(AssertionError):
            running_site.hook("--name", name, "--remove")
    for table in ("site.pictures", "site.users", "site.blocklist", "`web-shop`.items", "takedown.images"):
        running_site.as_admin(f"DELETE FROM {table}")
    running_site.as_admin("DELETE FROM takedown.bans")


def test_the_readmes_table_bans_and_lifts_as_the_readmes_hook_does(site: HookedSite) -> None:
    site.run("INSERT INTO pictures VALUES ('early', NULL), ('a', '/1'), ('b', '/2')")
    out = site.hook(*PICTURES, "--apply").output
    assert "banned 1 row taken down already" in out
    assert site.open_bans("image", "early") == ["pictures"]

    site.as_admin("INSERT INTO takedown.bans (scope, subject, banned_by) VALUES ('image', 'a', 'court')")
    site.as_admin("INSERT INTO takedown.bans (scope, subject, banned_by) VALUES ('image', 'A', 'pictures')")
    site.run("UPDATE pictures SET path = NULL WHERE code = 'a'")
    assert site.open_bans("image", "a") == ["court", "pictures"]
    assert site.as_admin("SELECT reason FROM takedown.bans WHERE subject = 'a' AND banned_by = 'pictures'") == [
        ("path IS NULL",)
    ]
    site.run("UPDATE pictures SET path = '/new' WHERE code = 'a'")
    assert site.open_bans("image", "a") == ["court"]
    assert site.open_bans("image", "A") == ["pictures"], "codes are compared byte by byte"

    site.run("DELETE FROM pictures WHERE code IN ('b', 'early')")
    assert site.open_bans("image", "b") == site.open_bans("image", "early") == ["pictures"]
    site.run("INSERT INTO pictures VALUES ('b', '/3'), ('c', NULL)")
    assert site.open_bans("image", "b") == site.open_bans("image", "c") == ["pictures"]


def test_a_ban_commits_with_the_sites_own_transaction(site: HookedSite) -> None:
    site.run("INSERT INTO pictures VALUES ('a', '/1')")
    site.hook(*PICTURES, "--apply")
    site.run("START TRANSACTION")
    site.run("UPDATE pictures SET path = NULL WHERE code = 'a'")
    site.run("ROLLBACK")
    assert site.open_bans("image", "a") == []
    site.run("START TRANSACTION")
    site.run("UPDATE pictures SET path = NULL WHERE code = 'a'")
    site.run("COMMIT")
    assert site.open_bans("image", "a") == ["pictures"]


def test_a_row_that_gets_another_code_bans_the_old_one(site: HookedSite) -> None:
    site.run("INSERT INTO pictures VALUES ('a', '/1'), ('b', NULL)")
    site.hook(*PICTURES, "--apply")
    site.run("UPDATE pictures SET code = 'A' WHERE code = 'a'")
    assert (site.open_bans("image", "a"), site.open_bans("image", "A")) == (["pictures"], [])
    site.run("UPDATE pictures SET code = 'c' WHERE code = 'b'")
    assert (site.open_bans("image", "b"), site.open_bans("image", "c")) == (["pictures"], ["pictures"])
    site.run("UPDATE pictures SET code = 'b', path = '/2' WHERE code = 'c'")
    assert (site.open_bans("image", "b"), site.open_bans("image", "c")) == ([], ["pictures"])


def test_an_expression_gives_the_code_of_a_row_with_a_number_and_a_status(site: HookedSite) -> None:
    site.run("INSERT INTO `web-shop`.items (`the ``status`) VALUES ('blocked'), ('shown'), ('shown')")
    first = int(str(site.run("SELECT MIN(id) FROM `web-shop`.items")[0][0]))
    site.hook(*ITEMS, "--apply", "--reason", "it's a\\b")
    assert site.open_bans("image", f"item-{first}") == ["items"]
    site.run("UPDATE `web-shop`.items SET `the ``status` = 'removed'")
    assert [site.open_bans("image", f"item-{first + more}") for more in range(3)] == [["items"]] * 3
    assert {row[0] for row in site.as_admin("SELECT reason FROM takedown.bans")} == {"it's a\\b"}
    site.run("UPDATE `web-shop`.items SET name = 'kept; // ' WHERE id = %s", first)
    site.run("UPDATE `web-shop`.items SET `the ``status` = 'shown' WHERE id = %s", first + 1)
    assert [site.open_bans("image", f"item-{first + more}") for more in range(3)] == [[], [], ["items"]]


def test_a_flag_of_people_bans_owners(site: HookedSite) -> None:
    site.run("INSERT INTO users VALUES (7, NULL, FALSE), (8, NULL, TRUE)")
    site.hook(*USERS, "--apply", "--on-delete", "keep")
    site.run("UPDATE users SET banned = TRUE WHERE id = 7")
    assert site.open_bans("owner", "7") == site.open_bans("owner", "8") == ["people"]
    site.run("UPDATE users SET banned = FALSE WHERE id = 7")
    site.run("DELETE FROM users")
    assert (site.open_bans("owner", "7"), site.open_bans("owner", "8")) == ([], ["people"])


def test_a_list_of_digests_bans_content_and_lifts_what_leaves_it(site: HookedSite) -> None:
    first, second, third = (f"{number:x}" * 64 for number in (1, 10, 12))
    site.run("INSERT INTO blocklist VALUES (1, %s, TRUE), (2, %s, FALSE)", first, second)
    site.hook(*BLOCKLIST, "--on-delete", "lift", "--apply")
    site.run("UPDATE blocklist SET active = TRUE WHERE id = 2")
    assert site.open_bans("digest", first) == site.open_bans("digest", second) == ["blocklist"]
    site.run("UPDATE blocklist SET sha256 = %s WHERE id = 2", third)
    assert (site.open_bans("digest", second), site.open_bans("digest", third)) == ([], ["blocklist"])
    site.run("DELETE FROM blocklist")
    assert site.open_bans("digest", first) == site.open_bans("digest", third) == []
    with pytest.raises(mysql.connector.Error, match="the digest of this row is not a SHA-256 as 64 hex digits 0-9 a-f"):
        site.run("INSERT INTO blocklist VALUES (3, %s, FALSE)", third.upper())

    site.hook(*BLOCKLIST, "--apply")  # which keeps a ban whose row is deleted
    site.run("INSERT INTO blocklist VALUES (3, %s, TRUE), (4, %s, FALSE)", first, second)
    site.run("DELETE FROM blocklist")
    assert (site.open_bans("digest", first), site.open_bans("digest", second)) == (["blocklist"], [])


def test_a_name_gets_the_code_of_the_import(site: HookedSite) -> None:
    names = ["12/34/Sommer am See.jpg", "süß.png", "Abc-1", "a" * 65, "." * 48, "." * 49, "?>", "a\n", "a "]
    for name in names:
        site.run("INSERT INTO pictures VALUES (%s, '/1')", name)
    site.hook(*PICTURES[:2], "--name-column", "code", *PICTURES[4:], "--apply")
    site.run("UPDATE pictures SET path = NULL")
    assert {str(row[0]) for row in site.as_admin("SELECT subject FROM takedown.bans")} == {*map(code_of_name, names)}
    assert site.as_admin("SELECT takedown.code_of_name('')") == [(None,)]


def test_every_copy_of_a_flagged_picture_is_banned_by_its_digest(site: HookedSite) -> None:
    digest, name = "d1" * 32, "12/34/a b.jpg"
    site.as_admin("INSERT INTO takedown.images (code, owner) VALUES (%s, 'anna')", code_of_name(name))
    site.as_admin(
        """INSERT INTO takedown.renditions (code, name, content_type, size, width, height, digest)
        VALUES (%s, 'original', 'image/png', 1, 1, 1, %s)""",
        *(code_of_name(name), digest),
    )
    site.run("INSERT INTO pictures VALUES (%s, '/1'), ('not imported', '/2')", name)
    subject = "takedown.digest_of_code(takedown.code_of_name(code))"
    site.hook(*PICTURES[:2], "--digest-expression", subject, *PICTURES[4:], "--name", "people", "--apply")
    site.run("UPDATE pictures SET path = NULL")
    assert site.as_admin("SELECT scope, subject FROM takedown.bans") == [("digest", digest)]
    site.run("UPDATE pictures SET path = '/1'")
    assert site.open_bans("digest", digest) == []


@pytest.mark.parametrize("on_delete", ["ban", "keep", "lift"])
def test_a_row_that_is_replaced_is_neither_deleted_nor_new(site: HookedSite, on_delete: str, tmp_path: Path) -> None:
    site.hook(*PICTURES, "--on-delete", on_delete, "--apply")
    site.run("INSERT INTO pictures VALUES ('a', '/1'), ('b', '/1'), ('c', NULL), ('gone', '/1'), ('d', '/1')")
    site.run("DELETE FROM pictures WHERE code IN ('gone', 'd')")
    site.run("INSERT INTO pictures VALUES ('d', '/2')")
    deleted = ["pictures"] if on_delete == "ban" else []
    assert site.open_bans("image", "gone") == site.open_bans("image", "d") == deleted
    site.run("REPLACE INTO pictures VALUES ('a', '/2'), ('b', '/2'), ('c', NULL), ('d', '/3')")
    assert [site.open_bans("image", code) for code in "abcd"] == [[], [], ["pictures"], deleted]
    site.run("REPLACE INTO pictures VALUES ('a', NULL), ('c', '/2')")
    assert [site.open_bans("image", code) for code in "ac"] == [["pictures"], []]
    rows = tmp_path / "rows"
    rows.write_text("a\t/4\nb\t\\N\n")
    with closing(site.database.connect_admin()) as admin, admin.cursor() as cursor:
        cursor.execute(f"LOAD DATA INFILE '{rows}' REPLACE INTO TABLE site.pictures")
    assert [site.open_bans("image", code) for code in "ab"] == [[], ["pictures"]]


def test_a_row_that_gets_another_code_may_only_be_purged(site: HookedSite) -> None:
    site.run("INSERT INTO pictures VALUES ('a', '/1'), ('b', NULL), ('c', '/1'), ('d', '/1')")
    site.hook(*PICTURES, "--on-rename", "purge", "--apply")
    before = site.as_admin("SELECT COALESCE(MAX(id), 0) FROM takedown.invalidations")
    site.run("UPDATE pictures SET code = 'A' WHERE code = 'a'")
    site.run("UPDATE pictures SET code = 'B' WHERE code = 'b'")
    site.run("UPDATE pictures SET code = 'C', path = NULL WHERE code = 'c'")
    site.run("DELETE FROM pictures WHERE code = 'd'")
    assert [site.open_bans("image", code) for code in "aAbBcCd"] == [[], [], *[["pictures"]] * 5]
    text = "SELECT subject, cause FROM takedown.invalidations WHERE id > %s AND cause <> 'ban'"
    assert site.as_admin(text, int(str(before[0][0]))) == [("a", "resend")]


def purges(site: HookedSite, after: int) -> list[tuple[object, ...]]:
    """Read what was purged since a row of the outbox, but for bans."""
    text = "SELECT subject, cause FROM takedown.invalidations WHERE id > %s AND cause <> 'ban' ORDER BY id"
    return site.as_admin(text, after)


def test_new_content_purges_and_bans_nothing(site: HookedSite) -> None:
    site.run("INSERT INTO pictures VALUES ('a', '/1'), ('b', '/1'), ('c', NULL)")
    hidden = (*PICTURES[:4], "--when", "FALSE")
    site.hook(*hidden, "--purge-when", "path", "--on-delete", "purge", "--apply")
    ((last,),) = site.as_admin("SELECT COALESCE(MAX(id), 0) FROM takedown.invalidations")
    site.run("UPDATE pictures SET path = '/1' WHERE code = 'a'")
    assert purges(site, int(str(last))) == []
    site.run("UPDATE pictures SET path = '/A' WHERE code = 'a'")
    site.run("UPDATE pictures SET path = '/a' WHERE code = 'a'")
    site.run("UPDATE pictures SET path = '/1' WHERE code = 'c'")
    site.run("DELETE FROM pictures WHERE code = 'b'")
    site.run("UPDATE pictures SET code = 'd', path = '/2' WHERE code = 'a'")
    expected = [("a", "image"), ("a", "image"), ("c", "image"), ("b", "image"), ("a", "resend")]
    assert purges(site, int(str(last))) == expected
    assert site.as_admin("SELECT subject FROM takedown.bans") == []
    assert site.hook("--name", "pictures", "--apply").output == "nothing to do: the hook is installed\n"


def test_columns_make_a_name_as_directory_and_file(site: HookedSite) -> None:
    site.run("INSERT INTO pictures VALUES ('a.jpg', '12/34'), ('b.jpg', NULL)")
    columns = ("--name-column", "path", "--name-column", "code")
    site.hook("--table", "pictures", *columns, "--when", "FALSE", "--apply")
    site.run("DELETE FROM pictures")
    assert site.as_admin("SELECT subject FROM takedown.bans") == [(code_of_name("12/34/a.jpg"),)]


@pytest.mark.parametrize("lifts", [False, True])
def test_a_code_that_is_used_again_stays_banned_unless_inserts_lift(site: HookedSite, lifts: bool) -> None:
    site.hook(*PICTURES, "--apply", *(["--lift-on-insert"] if lifts else []))
    site.run("INSERT INTO pictures VALUES ('a', '/1')")
    site.run("DELETE FROM pictures")
    site.run("INSERT INTO pictures VALUES ('a', '/2')")
    assert site.open_bans("image", "a") == ([] if lifts else ["pictures"])


def test_a_code_that_is_null_has_no_image(site: HookedSite) -> None:
    site.hook(*PICTURES[:2], "--code-expression", "NULLIF(code, 'none')", *PICTURES[4:], "--apply")
    site.run("INSERT INTO pictures VALUES ('none', NULL), ('a', NULL)")
    site.run("UPDATE pictures SET code = 'b', path = '/1' WHERE code = 'none'")
    site.run("UPDATE pictures SET code = 'none', path = '/1' WHERE code = 'b'")
    site.run("DELETE FROM pictures WHERE code = 'none'")
    assert site.as_admin("SELECT subject FROM takedown.bans ORDER BY id") == [("a",), ("b",)]


def test_what_is_printed_and_pasted_is_what_is_applied(site: HookedSite) -> None:
    site.run("INSERT INTO `web-shop`.items (`the ``status`) VALUES ('blocked')")
    text = site.hook(*ITEMS).stdout
    assert site.triggers("web-shop", "items") == []
    for _ in range(2):
        pasted = subprocess.run(site.database.client(), input=text, capture_output=True, text=True, check=False)
        assert pasted.returncode == 0, pasted.stderr
    assert len(site.as_admin("SELECT id FROM takedown.bans")) == 1
    assert "hook items on web-shop.items: stands" in site.hooks()
    assert site.hook("--name", "items", "--apply").output == "nothing to do: the hook is installed\n"


def test_applied_again_it_changes_nothing_and_with_another_rule_it_takes_the_place(site: HookedSite) -> None:
    site.hook(*PICTURES, "--apply")
    first = site.triggers("site", "pictures")
    assert site.hook(*PICTURES, "--apply").output == "nothing to do: the hook is installed\n"
    out = site.hook(*PICTURES[:-1], "path = ''", "--apply").output
    second = site.triggers("site", "pictures")
    assert len(first) == len(second) == 3
    assert not set(first) & set(second)
    assert all(f"dropped the trigger {name}: another one replaces it" in out for name in first)
    site.run("INSERT INTO pictures VALUES ('a', NULL), ('b', '')")
    assert (site.open_bans("image", "a"), site.open_bans("image", "b")) == ([], ["pictures"])


def test_status_names_a_trigger_that_is_missing_or_altered_and_the_command_that_mends_it(site: HookedSite) -> None:
    assert site.hooks() == ""
    site.hook(*PICTURES, "--apply")
    assert "hook pictures on site.pictures: stands" in site.hooks()
    for alter in (False, True):
        (name,) = [each for each in site.triggers("site", "pictures") if "_update_" in each]
        site.as_admin(f"DROP TRIGGER site.{name}")
        if alter:
            site.as_admin(f"CREATE TRIGGER site.{name} AFTER UPDATE ON site.pictures FOR EACH ROW SET @nothing = 1")
        site.run("INSERT INTO pictures VALUES (%s, '/1')", f"a{alter:d}")
        site.run("UPDATE pictures SET path = NULL")
        out = site.hooks()
        assert f"PROBLEM: hook pictures on site.pictures: missing or altered triggers: {name};" in out
        assert "-> run `purger hook --name pictures --apply`" in out
        assert site.open_bans("image", f"a{alter:d}") == []
        assert "banned 1 row" in site.hook("--name", "pictures", "--apply").output
        assert site.open_bans("image", f"a{alter:d}") == ["pictures"]
        assert "hook pictures on site.pictures: stands" in site.hooks()


@pytest.mark.parametrize(
    "body",
    [
        "INSERT INTO `takedown` . `bans` (scope, subject) VALUES ('image', NEW.code)",
        "BEGIN CALL site.ban(NEW.code); END",
    ],
)
def test_status_names_a_trigger_that_writes_bans_and_is_no_hooks(site: HookedSite, body: str) -> None:
    site.hook(*PICTURES, "--apply")
    definer = "takedown_hook@localhost" if "CALL" in body else "CURRENT_USER"
    site.as_admin(f"CREATE DEFINER = {definer} TRIGGER site.by_hand AFTER INSERT ON site.pictures FOR EACH ROW {body}")
    site.as_admin("CREATE TRIGGER site.other AFTER DELETE ON site.users FOR EACH ROW SET @bans = 1")
    try:
        assert site.hooks() == "hook pictures on site.pictures: stands\nunwatched: site.by_hand"
        result = CliRunner(env={"PURGER_DATABASE_URL": site.database.url("purger")}).invoke(cli, ["status"])
        assert "\ntrigger site.by_hand writes bans by hand: nobody notices when it is missing" in result.output
    finally:
        site.as_admin("DROP TRIGGER site.by_hand")
        site.as_admin("DROP TRIGGER site.other")


def test_a_trigger_of_a_table_in_the_products_own_database_is_named_too(site: HookedSite) -> None:
    site.as_admin("CREATE TABLE takedown.uploads (code VARCHAR(64))")
    try:
        assert "unwatched" not in site.hooks()
        site.as_admin(
            """CREATE TRIGGER takedown.by_hand AFTER INSERT ON takedown.uploads FOR EACH ROW
            INSERT INTO bans (scope, subject) VALUES ('image', NEW.code)"""
        )
        assert site.hooks().splitlines()[-1] == "unwatched: takedown.by_hand"
    finally:
        site.as_admin("DROP TABLE takedown.uploads")


def test_the_command_status_says_so_and_ends_with_3(site: HookedSite) -> None:
    site.hook(*PICTURES, "--apply")
    for name in site.triggers("site", "pictures"):
        site.as_admin(f"DROP TRIGGER site.{name}")
    result = CliRunner(env={"PURGER_DATABASE_URL": site.database.url("purger")}).invoke(cli, ["status"])
    assert result.exit_code == 3
    assert "PROBLEM: hook pictures on site.pictures" in result.output
    assert "\nhook pictures on site.pictures: missing or altered\n" in result.output


def test_a_table_that_another_one_replaced_is_noticed_and_hooked_again(site: HookedSite) -> None:
    site.hook(*PICTURES, "--apply")
    site.as_admin("CREATE TABLE site.new LIKE site.pictures")
    site.as_admin("RENAME TABLE site.pictures TO site.old, site.new TO site.pictures")
    try:
        assert "PROBLEM: hook pictures on site.pictures" in site.hooks()
        site.hook("--name", "pictures", "--apply")
        assert len(site.triggers("site", "pictures")) == 3
        assert site.triggers("site", "old") == []
        assert "hook pictures on site.pictures: stands" in site.hooks()
    finally:
        site.as_admin("DROP TABLE site.old")


def test_a_removed_hook_leaves_its_bans_and_no_rights(site: HookedSite) -> None:
    site.run("INSERT INTO pictures VALUES ('a', NULL)")
    site.hook(*PICTURES, "--apply")
    site.hook("--table", "pictures", "--remove")
    assert site.triggers("site", "pictures") == []
    assert site.open_bans("image", "a") == ["pictures"]
    grants = [str(row[0]) for row in site.as_admin("SHOW GRANTS FOR takedown_hook@localhost")]
    assert not any("site" in grant for grant in grants)
    assert site.hook("--list").output == "no hook was applied\n"
    assert "there is no hook pictures" in site.hook("--name", "pictures", "--remove", code=1).output


@pytest.mark.parametrize("definer", ["CURRENT_USER", "takedown_hook@localhost"])
def test_a_function_of_the_sites_own_may_give_the_code(site: HookedSite, definer: str) -> None:
    site.as_admin(
        f"CREATE DEFINER = {definer} FUNCTION site.code_of(name VARCHAR(100)) RETURNS VARCHAR(64) DETERMINISTIC NO SQL "
        "RETURN LOWER(name)"
    )
    site.run("INSERT INTO pictures VALUES ('SHOWN', '/1')")  # which the rule is tried on
    try:
        site.hook(*PICTURES[:2], "--code-expression", "site.code_of(code)", *PICTURES[4:], "--apply")
        site.run("INSERT INTO pictures VALUES ('LOUD', NULL)")
        assert site.open_bans("image", "loud") == ["pictures"]
    finally:
        site.as_admin("DROP FUNCTION site.code_of")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*PICTURES[:-1], "pathh IS NULL"), "Unknown column 'pathh'"),
        ((*PICTURES[:-1], "path IS IS NULL"), "syntax"),
        ((*PICTURES[:-1], "pictures.path IS NULL"), "1054"),
        ((*PICTURES[:-1], "path IS NULL; DROP TABLE pictures"), "cannot be read at '; DROP"),
        ((*PICTURES[:-1], "path IN (SELECT 1)"), "has the word SELECT"),
        ((*PICTURES[:-1], "COUNT(path) > 1"), "1111"),
        ((*PICTURES[:3], "kode", *PICTURES[4:]), "Unknown column 'kode'"),
        ((*PICTURES[:2], "--code-expression", "CONCAT(code, '.jpg')", *PICTURES[4:]), "'a.jpg'"),
        (("--table", "nothing", *PICTURES[2:]), "there is no table nothing"),
        (("--table", "takedown.images", *PICTURES[2:]), "takedown.images is in the database of Edge Takedown itself"),
        (("--table", "images", *PICTURES[2:]), "images is in the database of Edge Takedown itself, takedown"),
        ((*PICTURES[:-1], "SLEEP(1) OR path IS NULL"), "it calls SLEEP"),
    ],
)
def test_a_refused_rule_leaves_nothing_behind(site: HookedSite, arguments: tuple[str, ...], said: str) -> None:
    site.run("INSERT INTO pictures VALUES ('a', '/1')")
    assert said in site.hook(*arguments, "--apply", code=1).output
    assert site.triggers("site", "pictures") == []
    assert site.hook("--list").output == "no hook was applied\n"
    site.run("UPDATE pictures SET path = NULL")


def test_an_error_in_the_middle_drops_what_was_made_and_keeps_the_hook_of_before(
    site: HookedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.hook(*PICTURES, "--apply")
    before = site.triggers("site", "pictures")
    with monkeypatch.context() as patched:
        patched.setattr(hook_plan, "triggers_of", lambda *rule: [*triggers_of(*rule)[:2], BROKEN])
        out = site.hook(*PICTURES[:-1], "path = ''", "--apply", code=1).output
    assert "the trigger broken cannot be created: 1064" in out
    assert site.triggers("site", "pictures") == before
    assert "hook pictures on site.pictures: stands" in site.hooks()


def test_a_name_that_a_hook_on_another_table_has_is_refused(site: HookedSite) -> None:
    site.hook(*PICTURES, "--apply")
    out = site.hook(*USERS[:-2], "--name", "pictures", "--apply", code=1).output
    assert "there is a hook pictures on site.pictures" in out
    assert len(site.triggers("site", "pictures")) == 3


def test_a_row_that_could_not_be_banned_is_refused_when_it_is_written(site: HookedSite) -> None:
    site.hook(*PICTURES, "--apply")
    site.run("INSERT INTO pictures VALUES ('a', '/1')")
    for code in ("a.jpg", "b ", "", "x" * 65, "ü"):
        for statement in ("INSERT INTO pictures VALUES (%s, '/1')", "UPDATE pictures SET code = %s WHERE code = 'a'"):
            with pytest.raises(
                mysql.connector.Error, match="hook pictures: the code of this row is not 1 to 64 of A-Z"
            ):
                site.run(statement, code)
    with pytest.raises(mysql.connector.Error, match="hook pictures: the code of this row"):
        site.run("UPDATE pictures SET code = 'a ' WHERE code = 'a'")
    assert site.run("SELECT code, path FROM pictures") == [("a", "/1")]


def test_the_sites_account_gets_no_right_on_bans(site: HookedSite) -> None:
    site.run("INSERT INTO pictures VALUES ('a', '/1')")
    site.hook(*PICTURES, "--apply")
    grants = [str(row[0]) for row in site.as_admin("SHOW GRANTS FOR site@localhost")]
    assert any("UPDATE" in grant or "ALL PRIVILEGES" in grant for grant in grants), "it may write its own table"
    assert not any("takedown" in grant for grant in grants)
    site.run("UPDATE pictures SET path = NULL WHERE code = 'a'")
    assert site.open_bans("image", "a") == ["pictures"], "and bans by the hook"
