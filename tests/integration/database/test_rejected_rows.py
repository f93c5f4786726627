"""Try to write malformed rows and chosen ids: no account and no setting of a session succeeds."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import mysql.connector
import pytest
from mysql.connector.abstracts import MySQLCursorAbstract

from stack.databases.database import Database
from stack.databases.program import on_mysql
from tests.support.database.check_constraints import UNCHECKED, needs_switch

#: Whatever a session may set that has to do with what is checked.
LAX = (
    f"SET SESSION sql_mode = ''{UNCHECKED}, foreign_key_checks = 0, unique_checks = 0",
    f"SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'{UNCHECKED}",
    "SET SESSION sql_mode = 'ANSI'"
    if on_mysql()
    else f"SET SESSION default_regex_flags = 'DOTALL,EXTENDED,EXTRA,MULTILINE,UNGREEDY'{UNCHECKED}",
)
LARGEST = 18446744073709551615
DIGEST = "0" * 64


@pytest.fixture
def admin(database: Database) -> Iterator[MySQLCursorAbstract]:
    with database.connect_admin() as connection, connection.cursor() as cursor:
        yield cursor


@pytest.fixture
def snapshot(admin: MySQLCursorAbstract) -> Iterator[None]:
    """Assert after the test that no table has a new row."""

    def content() -> list[object]:
        found: list[object] = []
        for table in ("bans", "images", "renditions", "invalidations", "edges", "moderation_log"):
            admin.execute(f"SELECT * FROM {table}")
            found += map(str, admin.fetchall())
        return found

    admin.execute("INSERT IGNORE INTO images (code, owner) VALUES ('known', 'anna')")
    admin.execute(
        "INSERT IGNORE INTO renditions (code, name, content_type, size, width, height, digest) "
        f"VALUES ('known', 'original', 'image/png', 1, 1, 1, '{DIGEST}')"
    )
    admin.execute("INSERT INTO bans (scope, subject) VALUES ('image', 'standing')")
    before = content()
    yield
    assert content() == before


def refused(cursor: MySQLCursorAbstract, sql: str) -> str:
    with pytest.raises(mysql.connector.Error) as error:
        cursor.execute(sql)
    return str(error.value)


RENDITION = "INSERT INTO renditions (code, name, content_type, size, width, height, digest) VALUES "
IN_PLACE = RENDITION.replace("digest)", "digest, path)")
PATHS = [
    "''",
    "'/etc/passwd'",
    "'..'",
    "'.'",
    "'a/../b'",
    "'../a'",
    "'a/..'",
    "'a/./b'",
    "'a//b'",
    "'a/'",
    "'a\\nb'",
    "CONCAT('a', CHAR(0))",
    "CONCAT('..', CHAR(10))",
    "CONCAT('a/..', CHAR(13))",
    "REPEAT('a', 1001)",
]
MALFORMED = {
    "moderation": [
        ("INSERT INTO bans (scope, subject) VALUES ('image', 'a b')", "bans.subject must be"),
        ("INSERT IGNORE INTO bans (scope, subject) VALUES ('image', 'a b')", "bans.subject must be"),
        ("INSERT INTO bans (scope, subject) VALUES ('image', 'fine'), ('image', 'a b')", "bans.subject must be"),
        ("INSERT INTO bans (scope, subject) VALUES ('image', 'fine'), ('image', NULL)", "bans.subject must be"),
        ("INSERT INTO bans (scope, subject) SELECT 'image', 'a\\nb'", "bans.subject must be"),
        ("REPLACE INTO bans (scope, subject) VALUES ('img', 'fine')", "bans.scope must be"),
        ("INSERT INTO bans (scope, subject) VALUES ('image', 'é')", "subject"),
        ("INSERT INTO bans (scope, subject) VALUES (NULL, 'fine')", "bans.scope must be"),
        ("UPDATE bans SET subject = 'a b' WHERE subject = 'standing'", "bans.subject must be"),
        ("UPDATE IGNORE bans SET scope = 'IMAGE' WHERE subject = 'standing'", "bans.scope must be"),
    ],
    "import": [
        ("INSERT INTO images (code, owner) VALUES ('a b', 'x')", "images.code must be"),
        ("INSERT INTO images (code, owner) VALUES ('new', 'x\\r\\nSet-Cookie: y')", "images.owner must be"),
        (
            "INSERT INTO images (code, owner) VALUES ('known', 'x') ON DUPLICATE KEY UPDATE owner = 'a b'",
            "images.owner",
        ),
        ("UPDATE images SET owner = '../..' WHERE code = 'known'", "images.owner must be"),
        ("UPDATE IGNORE images SET code = '' WHERE code = 'known'", "images.code must be"),
        (RENDITION + "('known', 'x', 'image/png', 1, 1, 1, '../../../etc/passwd')", "renditions.digest must be"),
        (RENDITION + f"('known', 'x', 'text/html', 1, 1, 1, '{DIGEST}')", "renditions.content_type must be"),
        (RENDITION + f"('known', 'x', 'image/png\\r\\nX: y', 1, 1, 1, '{DIGEST}')", "renditions.content_type must be"),
        (RENDITION + f"('known', '../x', 'image/png', 1, 1, 1, '{DIGEST}')", "renditions.name must be"),
        (RENDITION + f"('a b', 'x', 'image/png', 1, 1, 1, '{DIGEST}')", "renditions.code must be"),
        ("UPDATE renditions SET digest = '../..' WHERE code = 'known'", "renditions.digest must be"),
        ("UPDATE IGNORE renditions SET content_type = 'text/html' WHERE code = 'known'", "renditions.content_type"),
        ("UPDATE renditions SET name = 'A' WHERE code = 'known'", "renditions.name must be"),
        *((f"UPDATE renditions SET path = {path} WHERE code = 'known'", "renditions.path must be") for path in PATHS),
        *(
            (IN_PLACE + f"('known', 'x', 'image/png', 1, 1, 1, '{DIGEST}', {path})", "renditions.path must be")
            for path in PATHS
        ),
        ("UPDATE renditions SET code = 'a b' WHERE code = 'known'", "renditions.code must be"),
    ],
    "purger": [
        (
            "INSERT INTO invalidations (scope, subject, cause) VALUES ('image', 'a b', 'resend')",
            "invalidations.subject",
        ),
        ("INSERT INTO invalidations (scope, subject, cause) VALUES ('all', 'a', 'resend')", "invalidations.scope"),
        ("INSERT INTO invalidations (scope, subject, cause) VALUES ('image', 'a', '\\e[2J')", "invalidations.cause"),
        (
            "INSERT INTO edges (name, purge_url, public_url, token_file) VALUES ('a\\nb', 'http://a', 'http://a', '')",
            "edges.name must be",
        ),
        (
            "INSERT INTO edges (name, purge_url, public_url, token_file) VALUES ('a', 'http://a b', 'http://a', '')",
            "edges.purge_url",
        ),
    ],
}


@pytest.mark.parametrize("lax", LAX, ids=["no checks", "zero", "regex"])
@pytest.mark.parametrize("account", MALFORMED)
@pytest.mark.usefixtures("snapshot")
def test_no_session_brings_in_a_malformed_row(database: Database, account: str, lax: str) -> None:
    with database.connect(account) as connection, connection.cursor() as cursor:
        cursor.execute(lax)
        for sql, rule in MALFORMED[account]:
            assert rule in refused(cursor, sql), sql


@pytest.mark.usefixtures("snapshot")
def test_load_data_is_checked_row_by_row(database: Database, admin: MySQLCursorAbstract, tmp_path: Path) -> None:
    admin.execute("SET GLOBAL local_infile = 1")
    file = tmp_path / "bans.txt"
    file.write_text("image\ta b\n")
    connection = mysql.connector.connect(**address(database, "moderation"), allow_local_infile=True)
    with connection.cursor() as cursor:
        cursor.execute(LAX[0])
        load = f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE bans (scope, subject)"
        assert "bans.subject must be" in refused(cursor, load)
    connection.close()


def address(database: Database, account: str) -> dict[str, str]:
    user, password = database.url(account).removeprefix("mysql://").partition("@")[0].split(":")
    return {
        "user": user,
        "password": password,
        "database": database.name_of_database,
        "unix_socket": str(database.socket),
    }


NAMED_IDS = {
    "moderation": [
        f"INSERT INTO bans (id, scope, subject) VALUES ({LARGEST}, 'image', 'a')",
        f"REPLACE INTO bans (id, scope, subject) VALUES ({LARGEST}, 'image', 'a')",
        f"UPDATE bans SET id = {LARGEST}",
        f"INSERT INTO bans VALUES ({LARGEST}, 'image', 'a', '', '', NOW(), NULL, NULL, NULL, NULL)",
    ],
    "purger": [
        f"INSERT INTO invalidations (id, scope, subject, cause) VALUES ({LARGEST}, 'image', 'a', 'resend')",
        "INSERT INTO invalidations (scope, subject, cause, ban_id) VALUES ('image', 'a', 'ban', 1)",
        "INSERT INTO invalidations (scope, subject, cause, batch) VALUES ('image', 'a', 'ban', 1)",
    ],
}


@pytest.mark.parametrize(("account", "sql"), [(account, sql) for account in NAMED_IDS for sql in NAMED_IDS[account]])
@pytest.mark.usefixtures("snapshot")
def test_no_account_may_name_an_id(database: Database, account: str, sql: str) -> None:
    with database.connect(account) as connection, connection.cursor() as cursor:
        assert "denied" in refused(cursor, sql)


@pytest.mark.usefixtures("snapshot")
def test_not_even_the_administrator_may_name_a_batch(admin: MySQLCursorAbstract) -> None:
    row = "INSERT INTO invalidations (scope, subject, cause, batch) VALUES ('image', 'a', 'resend', 1)"
    assert "invalidations.batch" in refused(admin, row)


CHOSEN_IDS = [
    ("moderation", "INSERT INTO bans (scope, subject) VALUES ('image', 'a')", "bans.id"),
    ("moderation", "UPDATE bans SET lifted_at = NOW() WHERE subject = 'standing'", "invalidations.id"),
    ("moderation", "UPDATE bans SET reason = 'other' WHERE subject = 'standing'", "moderation_log.id"),
    ("moderation", "DELETE FROM bans WHERE subject = 'standing'", "invalidations.id"),
    ("import", "INSERT INTO images (code, owner) VALUES ('a', 'b')", "invalidations.id"),
    ("import", "UPDATE images SET owner = 'other' WHERE code = 'known'", "invalidations.id"),
    ("import", "UPDATE renditions SET size = size + 1 WHERE code = 'known'", "invalidations.id"),
    ("purger", "INSERT INTO invalidations (scope, subject, cause) VALUES ('image', 'a', 'resend')", "invalidations.id"),
]


@pytest.mark.parametrize(("account", "sql", "column"), CHOSEN_IDS)
@pytest.mark.usefixtures("snapshot")
def test_insert_id_chooses_no_id_either(database: Database, account: str, sql: str, column: str) -> None:
    """Use SET INSERT_ID, which sets the session's next AUTO_INCREMENT, also that of triggers."""
    with database.connect(account) as connection, connection.cursor() as cursor:
        cursor.execute(f"SET INSERT_ID = {LARGEST - 1}")
        assert f"{column} is given by the server" in refused(cursor, sql)


def test_after_all_attacks_the_next_ban_gets_the_next_id(database: Database, admin: MySQLCursorAbstract) -> None:
    with database.connect("moderation") as moderation, moderation.cursor() as cursor:
        cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', 'before')")
        before = cursor.lastrowid
    for account, sql, _ in CHOSEN_IDS:
        with database.connect(account) as connection, connection.cursor() as cursor:
            cursor.execute(f"SET INSERT_ID = {LARGEST - 1}")
            with suppress(mysql.connector.Error):
                cursor.execute(sql)
    for sql in ("SET sql_mode = ''", f"INSERT INTO bans (id, scope, subject) VALUES ({LARGEST}, 'image', 'a')"):
        with suppress(mysql.connector.Error):
            admin.execute(sql)
    with database.connect("moderation") as moderation, moderation.cursor() as cursor:
        cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', 'after')")
        assert cursor.lastrowid is not None
        assert cursor.lastrowid - (before or 0) < 100


@pytest.mark.parametrize("named", [LARGEST, 7, 0])
@pytest.mark.parametrize("mode", ["", "NO_AUTO_VALUE_ON_ZERO"])
@pytest.mark.parametrize("table", ["bans", "invalidations"])
@pytest.mark.usefixtures("snapshot")
def test_the_admin_may_not_name_an_id_by_mistake(admin: MySQLCursorAbstract, table: str, mode: str, named: int) -> None:
    if named == 0 and not mode:
        return  # this value means the next id, as leaving it out does
    admin.execute("SET SESSION sql_mode = %s", (mode,))
    column = ", cause" if table == "invalidations" else ""
    value = ", 'resend'" if table == "invalidations" else ""
    sql = f"INSERT INTO {table} (id, scope, subject{column}) VALUES ({named}, 'image', 'a'{value})"
    assert f"{table}.id is given by the server" in refused(admin, sql)


@needs_switch
def test_a_malformed_row_that_is_there_can_be_deleted(database: Database, admin: MySQLCursorAbstract) -> None:
    plant(
        admin, [("image", "a\nb"), ("image", "padded "), ("nonsense", "x"), ("digest", "x"), ("digest ", f"{DIGEST} ")]
    )
    with database.connect("moderation") as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM bans WHERE banned_by = 'planted'")
        assert cursor.rowcount == 5
    admin.execute("SELECT scope, subject, cause FROM invalidations ORDER BY id DESC LIMIT 5")
    assert admin.fetchall()[::-1] == [
        ("image", "-", "unban"),
        ("image", "padded", "unban"),
        ("image", "x", "unban"),
        ("image", "-", "unban"),
        ("digest", DIGEST, "unban"),
    ]
    admin.execute("SELECT subject FROM moderation_log WHERE action = 'unban' ORDER BY id DESC LIMIT 5")
    assert admin.fetchall()[::-1] == [("a\nb",), ("padded ",), ("x",), ("x",), (f"{DIGEST} ",)]


def plant(admin: MySQLCursorAbstract, bans: list[tuple[str, str]]) -> None:
    """Write malformed bans, as only one who may drop the triggers can."""
    admin.execute("SET SESSION check_constraint_checks = 0")
    again = []
    for trigger in ("bans_checked_insert", "bans_inserted", "bans_inserted_log"):
        admin.execute(f"SHOW CREATE TRIGGER {trigger}")
        rows = admin.fetchall()
        admin.execute(f"DROP TRIGGER {trigger}")
        again.append(str(list(rows[0])[2]))
    admin.executemany("INSERT INTO bans (scope, subject, banned_by) VALUES (%s, %s, 'planted')", bans)
    for definition in again:
        admin.execute(definition)
    admin.execute("SET SESSION check_constraint_checks = 1")
