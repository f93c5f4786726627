"""Let `purger hook` put triggers on tables of a site's own, and let the site's own statements ban and lift by them."""

import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress

import mysql.connector
import pytest
from click.testing import CliRunner

from purger.cli.main import cli
from stack.database import Database
from takedown_db.hooks import plan as hook_plan
from takedown_db.hooks.triggers import Trigger, triggers_of
from tests.support.database.hooked_tables import HookedSite

PICTURES = ("--table", "pictures", "--code-column", "code", "--when", "path IS NULL")
ITEMS = (
    *("--table", "web-shop.items", "--code-expression", "CONCAT('item-', id)"),
    *("--when", "`the ``status` IN ('removed', 'blocked') AND name <> 'kept; // '"),
)
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
    for name in ("pictures", "items", "people"):
        with suppress(AssertionError):
            running_site.hook("--name", name, "--remove")
    for table in ("site.pictures", "site.users", "`web-shop`.items"):
        running_site.as_admin(f"DELETE FROM {table}")
    running_site.as_admin("DELETE FROM takedown.bans")


def test_the_readmes_table_bans_and_lifts_as_the_readmes_hook_does(site: HookedSite) -> None:
    site.run("INSERT INTO pictures VALUES ('early', NULL), ('a', '/1'), ('b', '/2')")
    out = site.hook(*PICTURES, "--apply").output
    assert "banned 1 row that" in out
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
    assert len(site.triggers("site", "users")) == 2


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


def test_a_function_of_the_sites_own_may_give_the_code(site: HookedSite) -> None:
    site.as_admin(
        "CREATE FUNCTION site.code_of(name VARCHAR(100)) RETURNS VARCHAR(64) DETERMINISTIC RETURN LOWER(name)"
    )
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


def test_a_site_that_bans_what_is_no_code_has_its_statement_refused(site: HookedSite) -> None:
    site.hook(*PICTURES, "--apply")
    site.run("INSERT INTO pictures VALUES ('a.jpg', '/1')")
    with pytest.raises(mysql.connector.Error, match="subject"):
        site.run("UPDATE pictures SET path = NULL WHERE code = 'a.jpg'")
    assert site.run("SELECT path FROM pictures WHERE code = 'a.jpg'") == [("/1",)]


def test_the_sites_account_gets_no_right_on_bans(site: HookedSite) -> None:
    site.run("INSERT INTO pictures VALUES ('a', '/1')")
    site.hook(*PICTURES, "--apply")
    grants = [str(row[0]) for row in site.as_admin("SHOW GRANTS FOR site@localhost")]
    assert any("UPDATE" in grant or "ALL PRIVILEGES" in grant for grant in grants), "it may write its own table"
    assert not any("takedown" in grant for grant in grants)
    site.run("UPDATE pictures SET path = NULL WHERE code = 'a'")
    assert site.open_bans("image", "a") == ["pictures"], "and bans by the hook"
