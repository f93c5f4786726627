"""Read the moderation log: it names account, action and time, and only the administrator can alter it."""

import json
from collections.abc import Iterator
from typing import Any

import mysql.connector
import pytest
from mysql.connector.abstracts import MySQLCursorAbstract

from stack.databases.database import Database
from stack.databases.program import on_mysql
from tests.support.database.check_constraints import UNCHECKED

ACCOUNTS = ("moderation", "import", "origin", "purger")
COLUMNS = "(action, ban_id, scope, subject, reason, banned_by, account, logged_at)"
FORGED = "('lift', 1, 'image', 'cat', 'never', 'nobody', 'root@localhost', '2000-01-01')"


@pytest.fixture
def admin(database: Database) -> Iterator[MySQLCursorAbstract]:
    with database.connect_admin() as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', 'standing')")
        yield cursor


def account(database: Database, name: str) -> Iterator[MySQLCursorAbstract]:
    with database.connect(name) as connection, connection.cursor() as cursor:
        yield cursor


@pytest.fixture
def moderator(database: Database) -> Iterator[MySQLCursorAbstract]:
    yield from account(database, "moderation")


@pytest.fixture
def importer(database: Database) -> Iterator[MySQLCursorAbstract]:
    yield from account(database, "import")


def rows(admin: MySQLCursorAbstract, sql: str = "SELECT * FROM moderation_log ORDER BY id") -> list[tuple[Any, ...]]:
    admin.execute(sql)
    return [tuple(row) for row in admin.fetchall()]


def newest(admin: MySQLCursorAbstract, columns: str, number: int = 1) -> list[tuple[Any, ...]]:
    """Read these columns of the last rows, the oldest first."""
    return rows(admin, f"SELECT {columns} FROM moderation_log ORDER BY id DESC LIMIT {number}")[::-1]


REWRITING = [
    f"INSERT INTO moderation_log {COLUMNS} VALUES {FORGED}",
    f"INSERT IGNORE INTO moderation_log {COLUMNS} VALUES {FORGED}",
    f"REPLACE INTO moderation_log {COLUMNS} VALUES {FORGED}",
    "INSERT INTO moderation_log (action) VALUES ('ban')",
    "UPDATE moderation_log SET reason = 'another'",
    "UPDATE IGNORE moderation_log SET account = 'root@localhost'",
    "DELETE FROM moderation_log",
    "DELETE moderation_log FROM moderation_log JOIN bans ON bans.id = moderation_log.ban_id",
    "TRUNCATE TABLE moderation_log",
    "DROP TABLE moderation_log",
    "ALTER TABLE moderation_log ADD COLUMN x INT",
    "RENAME TABLE moderation_log TO elsewhere",
    *([] if on_mysql() else ["CREATE OR REPLACE TABLE moderation_log (id INT)"]),
    "DROP TRIGGER moderation_log_signed",
    "CREATE TRIGGER mine BEFORE INSERT ON moderation_log FOR EACH ROW SET NEW.account = 'root@localhost'",
    "CREATE TRIGGER mine BEFORE INSERT ON bans FOR EACH ROW SET @takedown_outbox = 1",
    "LOCK TABLES moderation_log WRITE",
    # A trigger would write into a temporary table of this name, and nobody else would ever see the row.
    "CREATE TEMPORARY TABLE moderation_log (id INT)",
    "CREATE TEMPORARY TABLE invalidations (id INT)",
]


@pytest.mark.parametrize("name", ACCOUNTS)
def test_no_account_writes_the_log(database: Database, admin: MySQLCursorAbstract, name: str) -> None:
    before = rows(admin)
    for cursor in account(database, name):
        for lax in ("", f"SET SESSION sql_mode = ''{UNCHECKED}, foreign_key_checks = 0"):
            if lax:
                cursor.execute(lax)
            for sql in REWRITING:
                with pytest.raises(mysql.connector.Error, match="denied"):
                    cursor.execute(sql)
    assert rows(admin) == before


@pytest.mark.parametrize("name", ["moderation", "import", "origin"])
def test_only_the_purger_reads_the_log(database: Database, name: str) -> None:
    for cursor in account(database, name):
        with pytest.raises(mysql.connector.Error, match="denied"):
            cursor.execute("SELECT reason FROM moderation_log")


@pytest.mark.parametrize("lax", ["", f"SET SESSION sql_mode = ''{UNCHECKED}"])
def test_not_even_the_admin_alters_the_log_by_mistake(admin: MySQLCursorAbstract, lax: str) -> None:
    if lax:
        admin.execute(lax)
    before = rows(admin)
    for sql, said in (
        ("UPDATE moderation_log SET reason = 'another'", "cannot be changed"),
        ("UPDATE IGNORE moderation_log SET reason = 'another'", "cannot be changed"),
        ("DELETE FROM moderation_log", "cannot be deleted"),
        ("DELETE IGNORE FROM moderation_log ORDER BY id DESC LIMIT 1", "cannot be deleted"),
        (
            f"REPLACE INTO moderation_log (id, action, scope, subject) VALUES ({before[-1][0]}, 'lift', 'image', 'x')",
            "moderation_log.id is given",
        ),
        (
            "INSERT INTO moderation_log (id, action, scope, subject) "
            "VALUES (18446744073709551615, 'ban', 'image', 'x')",
            "moderation_log.id is given",
        ),
    ):
        with pytest.raises(mysql.connector.Error, match=said):
            admin.execute(sql)
    assert rows(admin) == before
    admin.execute(f"INSERT INTO moderation_log {COLUMNS} VALUES {FORGED}")
    ((signed, age),) = newest(admin, "account, ABS(TIMESTAMPDIFF(SECOND, logged_at, UTC_TIMESTAMP()))")
    admin.execute("SELECT USER()")
    assert [(signed,)] == admin.fetchall()
    assert age < 60


#: Statements by which a session can lie about the time, itself and the outbox.
LIES = [
    "SET TIMESTAMP = 86400",
    "SET TIMESTAMP = 2147483647",
    "SET time_zone = '+13:00'",
    "SET time_zone = '-11:30', TIMESTAMP = 1",
    "SET @takedown_outbox = 1, @takedown_outbox_before = 1",
    "SET sql_mode = 'ANSI,NO_AUTO_VALUE_ON_ZERO,NO_BACKSLASH_ESCAPES', @account = 'root@localhost'",
    "SET NAMES latin1",
]
TRUE = """moderation_log.account, ABS(TIMESTAMPDIFF(SECOND, moderation_log.logged_at, UTC_TIMESTAMP())) < 60,
    invalidation = (SELECT MAX(id) FROM invalidations)"""


@pytest.mark.parametrize("lie", LIES)
def test_no_moderator_forges_account_time_or_purge(
    admin: MySQLCursorAbstract, moderator: MySQLCursorAbstract, lie: str
) -> None:
    signed = ("takedown_moderation@localhost", 1, 1)
    for sql, action in (
        ("INSERT INTO bans (scope, subject, banned_at) VALUES ('image', 'lied', '1999-09-09')", "ban"),
        ("UPDATE bans SET lifted_at = '1999-09-09' WHERE subject = 'lied'", "lift"),
        ("UPDATE bans SET lifted_at = NULL WHERE subject = 'lied'", "ban"),
        ("UPDATE bans SET subject = IF(@takedown_outbox := 1, 'other', '') WHERE subject = 'lied'", "ban"),
        ("DELETE FROM bans WHERE subject = 'other'", "unban"),
    ):
        moderator.execute(lie)
        moderator.execute(sql)
        assert newest(admin, f"action, {TRUE}") == [(action, *signed)], sql


@pytest.mark.parametrize("lie", LIES)
def test_no_import_forges_account_time_or_purge(
    admin: MySQLCursorAbstract, importer: MySQLCursorAbstract, lie: str
) -> None:
    admin.execute("REPLACE INTO images (code, owner) VALUES ('moved', 'anna')")
    for sql in (
        "UPDATE images SET owner = 'berta' WHERE code = 'moved'",
        "INSERT INTO images (code, owner) VALUES ('moved', 'x') ON DUPLICATE KEY UPDATE "
        "owner = IF(@takedown_outbox := 1, 'carl', 'carl')",
    ):
        importer.execute(lie)
        importer.execute(sql)
        assert newest(admin, f"action, subject, {TRUE}") == [("move", "moved", "takedown_import@localhost", 1, 1)]
    assert newest(admin, "owner, detail", 2) == [
        ("anna", "now code moved of owner berta"),
        ("berta", "now code moved of owner carl"),
    ]


def test_each_change_of_a_ban_is_kept_with_what_was_there_before(
    admin: MySQLCursorAbstract, moderator: MySQLCursorAbstract
) -> None:
    moderator.execute("INSERT INTO bans (scope, subject, reason, banned_by) VALUES ('image', 'cat', 'Spam', 'judge')")
    ban = moderator.lastrowid
    first = newest(admin, "action, ban_id, scope, subject, reason, banned_by, detail")
    assert first == [("ban", ban, "image", "cat", "Spam", "judge", None)]
    for sql, before, value in (
        ("reason = 'spam'", "reason", "Spam"),
        ("reason = 'spam '", "reason", "spam"),
        ("banned_by = 'Judge'", "banned_by", "judge"),
        ("banned_at = '1999-09-09'", "banned_at", None),
        ("lifted_at = '2000-01-01'", None, None),
        ("lifted_at = '2001-01-01'", "lifted_at", "2000-01-01 00:00:00"),
        ("lifted_by = 'Bob'", "lifted_by", None),
        ("lifted_by = 'bob', lift_reason = 'withdrawn'", "lifted_by", "Bob"),
        ("lift_reason = 'Withdrawn'", "lift_reason", "withdrawn"),
    ):
        count = len(rows(admin))
        moderator.execute(f"UPDATE bans SET {sql} WHERE id = %s", (ban,))
        assert len(rows(admin)) == count + 1, sql
        ((action, logged, detail),) = newest(admin, "action, ban_id, detail")
        assert (action, logged) == ("change" if before else "lift", ban), sql
        columns = "banned_at, lifted_at, lifted_by, lift_reason"
        assert newest(admin, columns) == rows(admin, f"SELECT {columns} FROM bans WHERE id = {ban}")
        if before and value:
            assert json.loads(detail)[before].removesuffix(".000000").removesuffix(".000") == value
    count = len(rows(admin))
    moderator.execute("UPDATE bans SET reason = 'spam ' WHERE id = %s", (ban,))
    assert len(rows(admin)) == count, "nothing has changed"


def test_a_lift_has_its_own_person_and_reason_which_end_with_it(
    admin: MySQLCursorAbstract, moderator: MySQLCursorAbstract
) -> None:
    moderator.execute(
        "INSERT INTO bans (scope, subject, reason, banned_by, lifted_by) VALUES ('image', 'cat', 'spam', 'judge', 'x')"
    )
    ban = moderator.lastrowid
    for change, left in (
        ("lifted_by = 'Ann'", (None, None)),
        ("lifted_at = UTC_TIMESTAMP(3), lifted_by = 'Ann', lift_reason = 'withdrawn'", ("Ann", "withdrawn")),
        ("lifted_at = NULL", (None, None)),
        ("lifted_at = UTC_TIMESTAMP(3)", ("", "")),
    ):
        moderator.execute(f"UPDATE bans SET {change} WHERE id = %s", (ban,))
        columns = "reason, banned_by, lifted_by, lift_reason"
        assert rows(admin, f"SELECT {columns} FROM bans WHERE id = {ban}") == [("spam", "judge", *left)], change
        assert newest(admin, columns) == [("spam", "judge", *left)], change


@pytest.mark.parametrize("column", ["lifted_by", "lift_reason"])
def test_a_new_ban_that_is_not_lifted_was_lifted_by_nobody_and_for_no_reason(
    admin: MySQLCursorAbstract, moderator: MySQLCursorAbstract, column: str
) -> None:
    moderator.execute(f"INSERT INTO bans (scope, subject, {column}) VALUES ('image', 'cat', 'x')")
    assert rows(admin, f"SELECT {column} FROM bans WHERE id = {moderator.lastrowid}") == [(None,)]


def test_a_ban_that_gets_another_subject_and_is_deleted_is_kept_with_its_times(
    admin: MySQLCursorAbstract, moderator: MySQLCursorAbstract
) -> None:
    moderator.execute(
        "INSERT INTO bans (scope, subject, reason, lifted_at) VALUES ('image', 'cat', 'spam', '2001-01-01')"
    )
    ban = moderator.lastrowid
    moderator.execute("UPDATE bans SET scope = 'owner', subject = 'joe', reason = 'moved' WHERE id = %s", (ban,))
    assert newest(admin, "action, scope, subject, reason", 3) == [
        ("unban", "image", "cat", "spam"),
        ("ban", "owner", "joe", "moved"),
        ("change", "owner", "joe", "moved"),
    ]
    times = rows(admin, f"SELECT banned_at, lifted_at FROM bans WHERE id = {ban}")
    assert newest(admin, "banned_at, lifted_at", 3) == times * 3
    ((unban, moved),) = rows(
        admin,
        """SELECT GROUP_CONCAT(IF(log.action = 'unban', event.subject, NULL)),
            GROUP_CONCAT(IF(log.action = 'ban', event.subject, NULL))
        FROM (SELECT * FROM moderation_log ORDER BY id DESC LIMIT 3) AS log
        JOIN invalidations AS event ON event.id = log.invalidation""",
    )
    assert (unban, moved) == ("cat", "joe"), "each with its own purge"
    moderator.execute("DELETE FROM bans WHERE id = %s", (ban,))
    ((action, reason, detail),) = newest(admin, "action, reason, detail")
    assert (action, reason) == ("unban", "moved")
    assert newest(admin, "banned_at, lifted_at") == times
    assert json.loads(detail)["lifted_at"].startswith("2001-01-01")


def test_a_ban_that_is_written_as_lifted_says_so(admin: MySQLCursorAbstract, moderator: MySQLCursorAbstract) -> None:
    moderator.execute("INSERT INTO bans (scope, subject, lifted_at) VALUES ('image', 'old', '2001-01-01')")
    ((action, detail, lifted_at),) = newest(admin, "action, detail, lifted_at")
    assert (action, str(lifted_at)) == ("ban", "2001-01-01 00:00:00")
    assert json.loads(detail)["lifted_at"].startswith("2001-01-01")


def test_images_that_leave_an_owner_or_their_code_are_kept(admin: MySQLCursorAbstract) -> None:
    """Delete images as the administrator: no other account may."""
    admin.execute("REPLACE INTO images (code, owner) VALUES ('first', 'anna')")
    admin.execute("UPDATE images SET code = 'second' WHERE code = 'first'")
    move = "action, moderation_log.subject, moderation_log.owner, detail"
    assert newest(admin, move) == [("move", "first", "anna", "now code second of owner anna")]
    event = "(SELECT subject FROM invalidations WHERE id = invalidation)"
    assert newest(admin, event) == [("first",)], "the purge of the name that it left"
    admin.execute("DELETE FROM images WHERE code = 'second'")
    assert newest(admin, f"{move}, {event}") == [("move", "second", "anna", "deleted", "second")]
    count = len(rows(admin))
    admin.execute("INSERT INTO images (code, owner) VALUES ('third', 'anna')")
    admin.execute("UPDATE images SET stable_until = '2030-01-01' WHERE code = 'third'")
    assert len(rows(admin)) == count, "nothing has moved"


def test_the_longest_values_are_kept_whole(admin: MySQLCursorAbstract, moderator: MySQLCursorAbstract) -> None:
    longest = "\x01" * 255  # six characters each in JSON
    for lax in ("SET sql_mode = 'STRICT_ALL_TABLES'", "SET sql_mode = ''"):
        moderator.execute(lax)
        moderator.execute(
            "INSERT INTO bans (scope, subject, reason, banned_by) VALUES ('image', 'long', %s, %s)", (longest, longest)
        )
        moderator.execute("UPDATE bans SET reason = '', banned_by = '' WHERE subject = 'long'")
        ((detail,),) = newest(admin, "detail")
        kept = json.loads(detail)
        assert (kept["reason"], kept["banned_by"]) == (longest, longest)
        moderator.execute("DELETE FROM bans WHERE subject = 'long'")


def test_what_is_rolled_back_was_not_done(admin: MySQLCursorAbstract, moderator: MySQLCursorAbstract) -> None:
    before = rows(admin)
    moderator.execute("START TRANSACTION")
    moderator.execute("INSERT INTO bans (scope, subject) VALUES ('image', 'never')")
    moderator.execute("ROLLBACK")
    assert rows(admin) == before


@pytest.mark.parametrize(
    ("trigger", "sql"),
    [
        ("bans_inserted", "INSERT INTO bans (scope, subject) VALUES ('image', 'unheard')"),
        ("bans_updated", "UPDATE bans SET lifted_at = NOW() WHERE subject = 'standing' AND lifted_at IS NULL"),
        ("bans_deleted", "DELETE FROM bans WHERE subject = 'standing'"),
        ("images_updated", "UPDATE images SET owner = 'berta' WHERE code = 'unheard'"),
        ("images_deleted", "DELETE FROM images WHERE code = 'unheard'"),
    ],
)
def test_a_change_that_caused_no_purge_claims_none(
    database: Database, admin: MySQLCursorAbstract, trigger: str, sql: str
) -> None:
    admin.execute("REPLACE INTO images (code, owner) VALUES ('unheard', 'anna')")
    before = len(rows(admin))
    admin.execute(f"DROP TRIGGER {trigger}")
    try:
        admin.execute("SET @takedown_outbox = 1, @takedown_outbox_before = 1")
        admin.execute(sql)
        assert len(rows(admin)) > before
        assert newest(admin, "invalidation") == [(None,)]
    finally:
        database.migrate()
