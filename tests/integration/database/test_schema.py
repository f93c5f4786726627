"""Test the schema on a real server: its refusals, the rows of its triggers, and the rights of each account."""

import json
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import mysql.connector
import pytest
from click.testing import CliRunner
from mysql.connector.abstracts import MySQLCursorAbstract

from purger.cli.main import cli
from stack.databases.database import Database
from takedown_db.schema.scripts import migrations
from tests.support.database.check_constraints import UNCHECKED
from tests.support.database.procedure_call import call

_numbers = count(1)


@pytest.fixture
def cursor(database: Database) -> Iterator[MySQLCursorAbstract]:
    with database.connect_admin() as connection, connection.cursor() as cursor:
        yield cursor


@pytest.fixture
def code(cursor: MySQLCursorAbstract) -> str:
    """Insert an image with one rendition, and empty the outbox of it. Returns its code."""
    code = f"image{next(_numbers)}"
    cursor.execute("INSERT INTO images (code, owner) VALUES (%s, 'anna')", (code,))
    cursor.execute(
        "INSERT INTO renditions (code, name, content_type, size, width, height, digest) "
        "VALUES (%s, 'original', 'image/png', 10, 1, 1, SHA2('a', 256))",
        (code,),
    )
    cursor.execute("DELETE FROM invalidations")
    return code


def written(cursor: MySQLCursorAbstract) -> list[tuple[object, ...]]:
    """Take the rows that triggers have written since the last call."""
    cursor.execute("SELECT scope, subject, cause FROM invalidations ORDER BY id")
    rows: list[tuple[object, ...]] = [tuple(row) for row in cursor.fetchall()]
    cursor.execute("DELETE FROM invalidations")
    return rows


SCOPE = "scope must be image, owner or digest"
SUBJECT = "subject must be 1 to 64 of A-Z a-z 0-9 _ - and nothing else"
DIGEST = "subject of the scope digest must be a SHA-256"
CONTENT = "0123456789abcdef" * 4
BAD_BANS = [
    ("img", "abc", SCOPE),
    ("IMAGE", "abc", SCOPE),
    ("image ", "abc", SCOPE),
    ("", "abc", SCOPE),
    ("image", "", SUBJECT),
    ("image", "abc ", SUBJECT),
    ("image", " abc", SUBJECT),
    ("image", "abc\n", SUBJECT),
    ("image", "a.b", SUBJECT),
    ("image", "a|b", SUBJECT),
    ("owner", "a,b", SUBJECT),
    ("image", "x" * 65, SUBJECT),
    ("digest ", CONTENT, SCOPE),
    ("Digest", CONTENT, SCOPE),
    ("digest", CONTENT[:63], DIGEST),
    ("digest", CONTENT.upper(), DIGEST),
    ("digest", CONTENT[:63] + "g", DIGEST),
    ("digest", CONTENT[:63] + "-", DIGEST),
    ("digest", CONTENT[:63] + " ", SUBJECT),
    ("digest", CONTENT + "0", SUBJECT),
    ("digest", "abc", DIGEST),
]


@pytest.mark.parametrize("table", ["bans", "invalidations"])
@pytest.mark.parametrize("mode", ["STRICT_ALL_TABLES", ""], ids=["strict", "lax"])
@pytest.mark.parametrize("checks", ["", UNCHECKED], ids=["checks", "no_checks"])
@pytest.mark.parametrize(("scope", "subject", "rule"), BAD_BANS)
def test_a_malformed_row_is_refused_by_name(
    cursor: MySQLCursorAbstract, table: str, mode: str, checks: str, scope: str, subject: str, rule: str
) -> None:
    cursor.execute(f"SET SESSION sql_mode = %s{checks}", (mode,))
    cause = ", cause" if table == "invalidations" else ""
    with pytest.raises(mysql.connector.Error, match=f"{table}.{rule}"):
        cursor.execute(
            f"INSERT INTO {table} (scope, subject{cause}) VALUES (%s, %s{', %s' if cause else ''})",
            (scope, subject, "resend") if cause else (scope, subject),
        )
    cursor.execute(f"SELECT COUNT(*) FROM {table} WHERE subject = %s", (subject,))
    assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("mode", ["STRICT_ALL_TABLES", ""], ids=["strict", "lax"])
@pytest.mark.parametrize(("scope", "subject"), [("imagexxxxxxxxxxxxxxxx", "abc"), ("image", "x" * 300), ("image", "é")])
def test_what_a_lax_session_would_cut_is_refused_too(
    cursor: MySQLCursorAbstract, mode: str, scope: str, subject: str
) -> None:
    cursor.execute("SET SESSION sql_mode = %s", (mode,))
    with pytest.raises(mysql.connector.Error):
        cursor.execute("INSERT INTO bans (scope, subject) VALUES (%s, %s)", (scope, subject))


@pytest.mark.parametrize("mode", ["STRICT_ALL_TABLES", ""], ids=["strict", "lax"])
@pytest.mark.parametrize("date", ["0000-00-00", "2026-00-00", "2026-02-00", "0000-05-05"])
@pytest.mark.parametrize("column", ["lifted_at", "banned_at"])
def test_a_date_that_does_not_exist_is_refused(
    cursor: MySQLCursorAbstract, code: str, column: str, date: str, mode: str
) -> None:
    cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (code,))
    cursor.execute("SET SESSION sql_mode = %s", (mode,))
    for sql in (
        f"INSERT INTO bans (scope, subject, {column}) VALUES ('image', %s, %s)",
        f"UPDATE bans SET subject = %s, {column} = %s ORDER BY id DESC LIMIT 1",
    ):
        with pytest.raises(mysql.connector.Error, match="must be dates that exist"):
            cursor.execute(sql, (code, date))


def test_codes_that_differ_in_case_are_two(cursor: MySQLCursorAbstract) -> None:
    cursor.execute("INSERT INTO images (code, owner) VALUES ('CaSe', 'a'), ('cAsE', 'a')")
    cursor.execute("SELECT COUNT(*) FROM images WHERE code = 'CaSe'")
    assert cursor.fetchone() == (1,)


def test_a_ban_and_its_lift_are_a_row_each(cursor: MySQLCursorAbstract, code: str) -> None:
    cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (code,))
    ban = cursor.lastrowid
    cursor.execute("SELECT ban_id, batch FROM invalidations")
    assert cursor.fetchall() == [(ban, None)]
    assert written(cursor) == [("image", code, "ban")]
    cursor.execute("UPDATE bans SET reason = 'spam' WHERE id = %s", (ban,))
    assert written(cursor) == []
    cursor.execute("UPDATE bans SET lifted_at = '2000-01-01' WHERE id = %s", (ban,))
    assert written(cursor) == [("image", code, "lift")]
    cursor.execute("UPDATE bans SET lifted_at = '2001-01-01' WHERE id = %s", (ban,))
    assert written(cursor) == []
    cursor.execute("UPDATE bans SET lifted_at = NULL WHERE id = %s", (ban,))
    assert written(cursor) == [("image", code, "ban")]


def test_deleting_and_moving_a_ban_lose_no_purge(cursor: MySQLCursorAbstract, code: str) -> None:
    cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (code,))
    ban = cursor.lastrowid
    written(cursor)
    cursor.execute("UPDATE bans SET subject = 'elsewhere' WHERE id = %s", (ban,))
    assert written(cursor) == [("image", code, "unban"), ("image", "elsewhere", "ban")]
    cursor.execute("UPDATE bans SET scope = 'owner' WHERE id = %s", (ban,))
    assert written(cursor) == [("image", "elsewhere", "unban"), ("owner", "elsewhere", "ban")]
    cursor.execute("DELETE FROM bans WHERE id = %s", (ban,))
    assert written(cursor) == [("owner", "elsewhere", "unban")]


def test_a_ban_by_content_is_a_purge_of_its_digest(cursor: MySQLCursorAbstract) -> None:
    cursor.execute("DELETE FROM invalidations")
    cursor.execute("INSERT INTO bans (scope, subject) VALUES ('digest', %s)", (CONTENT,))
    ban = cursor.lastrowid
    for change, scope, subject, cause in (
        ("lifted_at = UTC_TIMESTAMP()", "digest", CONTENT, "lift"),
        ("lifted_at = NULL", "digest", CONTENT, "ban"),
        ("scope = 'image', subject = 'abc'", "image", "abc", "ban"),
        (f"scope = 'digest', subject = '{CONTENT}'", "digest", CONTENT, "ban"),
    ):
        cursor.execute(f"UPDATE bans SET {change} WHERE id = %s", (ban,))
        assert written(cursor)[-1] == (scope, subject, cause)
    cursor.execute("SELECT action FROM moderation_log WHERE scope = 'digest' AND subject = %s ORDER BY id", (CONTENT,))
    assert [action for (action,) in cursor.fetchall()] == ["ban", "lift", "ban", "unban", "ban"]
    with pytest.raises(mysql.connector.Error, match=f"bans.{DIGEST}"):
        cursor.execute("UPDATE bans SET subject = 'abc' WHERE id = %s", (ban,))
    cursor.execute("DELETE FROM bans WHERE id = %s", (ban,))
    assert written(cursor) == [("digest", CONTENT, "unban")]


def test_a_purge_of_a_digest_is_numbered_like_others(cursor: MySQLCursorAbstract) -> None:
    cursor.execute("DELETE FROM changes WHERE scope = 'digest'")
    cursor.execute("INSERT INTO bans (scope, subject) VALUES ('digest', %s)", (CONTENT,))
    call(cursor, "number_invalidations(NULL, NULL, @size, @more)")
    cursor.execute("SELECT subject, batch = last_batch FROM invalidations JOIN numbering WHERE scope = 'digest'")
    assert cursor.fetchall() == [(CONTENT, 1)]
    cursor.execute("SELECT COUNT(*) FROM changes WHERE scope = 'digest' AND subject = %s", (CONTENT,))
    assert cursor.fetchall() == [(1,)]
    written(cursor)


def test_a_ban_that_is_rolled_back_purges_nothing(cursor: MySQLCursorAbstract, code: str) -> None:
    cursor.execute("START TRANSACTION")
    cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (code,))
    cursor.execute("ROLLBACK")
    assert written(cursor) == []
    cursor.execute("START TRANSACTION")
    cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (code,))
    cursor.execute("COMMIT")
    assert written(cursor) == [("image", code, "ban")]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE images SET owner = 'berta' WHERE code = '{code}'",
        "UPDATE images SET stable_until = '2030-01-01' WHERE code = '{code}'",
        "DELETE FROM images WHERE code = '{code}'",
    ],
)
def test_a_change_of_an_image_is_a_purge(cursor: MySQLCursorAbstract, code: str, change: str) -> None:
    cursor.execute(change.format(code=code))
    assert written(cursor) == [("image", code, "image")]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE renditions SET digest = SHA2('b', 256) WHERE code = '{code}'",
        "UPDATE renditions SET content_type = 'image/webp' WHERE code = '{code}'",
        "UPDATE renditions SET name = 'thumb' WHERE code = '{code}'",
        "DELETE FROM renditions WHERE code = '{code}'",
        "INSERT INTO renditions (code, name, content_type, size, width, height, digest) "
        "VALUES ('{code}', 'thumb', 'image/png', 10, 1, 1, SHA2('t', 256))",
    ],
)
def test_a_change_of_a_rendition_is_a_purge(cursor: MySQLCursorAbstract, code: str, change: str) -> None:
    cursor.execute(change.format(code=code))
    assert written(cursor) == [("image", code, "rendition")]


def test_replacing_and_renaming_an_image_purge_both_names(cursor: MySQLCursorAbstract, code: str) -> None:
    cursor.execute("REPLACE INTO images (code, owner) VALUES (%s, 'anna')", (code,))
    assert set(written(cursor)) == {("image", code, "image")}
    cursor.execute("UPDATE images SET code = %s WHERE code = %s", (f"{code}-new", code))
    assert written(cursor) == [("image", code, "image"), ("image", f"{code}-new", "image")]


def test_times_are_utc_whatever_the_session_says(cursor: MySQLCursorAbstract, code: str) -> None:
    cursor.execute("SET SESSION time_zone = '+09:00'")
    cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (code,))
    call(cursor, "number_invalidations(NULL, NULL, @size, @more)")
    cursor.execute(
        """SELECT ABS(TIMESTAMPDIFF(SECOND, banned_at, UTC_TIMESTAMP())) < 60,
               ABS(TIMESTAMPDIFF(SECOND, written_at, UTC_TIMESTAMP())) < 60,
               ABS(TIMESTAMPDIFF(SECOND, numbered_at, UTC_TIMESTAMP())) < 60
        FROM bans JOIN invalidations ON ban_id = bans.id JOIN numbering WHERE bans.subject = %s""",
        (code,),
    )
    assert cursor.fetchall() == [(1, 1, 1)]
    written(cursor)


DENIED = {
    "origin": [
        "INSERT INTO bans (scope, subject) VALUES ('image', 'abc')",
        "UPDATE images SET owner = 'x'",
        "SELECT * FROM edges",
        "SELECT pruned_batch FROM numbering",
        "CALL number_invalidations(NULL, NULL, @size, @more)",
    ],
    "import": [
        "SELECT * FROM bans",
        "INSERT INTO invalidations (scope, subject, cause) VALUES ('image', 'abc', 'resend')",
        "DELETE FROM images",
        "TRUNCATE TABLE images",
    ],
    "moderation": [
        "TRUNCATE TABLE bans",
        "DROP TRIGGER bans_inserted",
        "DELETE FROM invalidations",
        "UPDATE images SET owner = 'x'",
        "CALL number_invalidations(NULL, NULL, @size, @more)",
    ],
    "purger": [
        "INSERT INTO bans (scope, subject) VALUES ('image', 'abc')",
        "UPDATE bans SET lifted_at = NOW()",
        "UPDATE invalidations SET batch = 1",
        "DELETE FROM invalidations",
        "UPDATE numbering SET last_batch = 0",
        "UPDATE images SET owner = 'x'",
        "UPDATE adoptions SET server = 'x'",
        "DELETE FROM adoptions",
        "INSERT INTO adoptions (server, adopted_at) VALUES ('x', '1970-01-01')",
        "DROP TRIGGER bans_inserted",
    ],
}


@pytest.mark.parametrize(("account", "sql"), [(account, sql) for account in DENIED for sql in DENIED[account]])
def test_no_account_may_do_more_than_its_part_needs(database: Database, account: str, sql: str) -> None:
    with (
        database.connect(account) as connection,
        connection.cursor() as cursor,
        pytest.raises(mysql.connector.Error) as refused,
    ):
        cursor.execute(sql)
    assert refused.value.errno in {1142, 1143, 1227, 1370}


def test_nobody_can_log_in_as_the_definer(database: Database) -> None:
    url = database.admin_url().replace(f"mysql://{database._user}@", "mysql://takedown_definer@")
    result = CliRunner().invoke(cli, ["status", "--database-url", url])
    assert result.exit_code == 3
    assert "locked" in result.output


def migrate(database: Database) -> list[str]:
    result = CliRunner().invoke(cli, ["migrate", "--database-url", database.admin_url()])
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_a_new_database_takes_a_few_lines(tmp_path: Path) -> None:
    with Database(tmp_path / "database") as new:
        lines = migrate(new)
    assert len(lines) <= 5
    assert re.search(r"^created \d\d triggers$", "\n".join(lines), re.MULTILINE)


def test_migrating_again_changes_nothing(database: Database, cursor: MySQLCursorAbstract, code: str) -> None:
    before = call(cursor, "present_triggers()")
    assert migrate(database) == ["nothing to do: the schema is complete"]
    assert call(cursor, "present_triggers()") == before
    cursor.execute("SELECT COUNT(*) FROM images WHERE code = %s", (code,))
    assert cursor.fetchone() == (1,)


def record_migrations(cursor: MySQLCursorAbstract, *names: str) -> None:
    cursor.execute("DELETE FROM schema_versions")
    for name in names:
        cursor.execute("INSERT INTO schema_versions (version, name) VALUES (%s, %s)", (int(name[:4]), name))


def definitions(cursor: MySQLCursorAbstract) -> list[tuple[object, ...]]:
    """Read the columns, triggers and procedures that the database has."""
    found: list[tuple[object, ...]] = []
    for table, columns in (
        ("COLUMNS", "TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE"),
        ("TRIGGERS", "TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_ORDER, ACTION_STATEMENT"),
        ("ROUTINES", "ROUTINE_NAME"),
    ):
        schema = {"COLUMNS": "TABLE", "TRIGGERS": "TRIGGER", "ROUTINES": "ROUTINE"}[table]
        cursor.execute(
            f"SELECT {columns} FROM information_schema.{table} WHERE {schema}_SCHEMA = DATABASE() ORDER BY {columns}"
        )
        found += [tuple(row) for row in cursor.fetchall()]
    return found


@pytest.mark.parametrize(
    "names",
    [("0001_tables.sql", "0039_probe_remarks.sql"), (*migrations(), "0002_later.sql"), ("0001_schema.sql 00000000",)],
)
def test_a_database_of_an_unknown_version_is_refused_and_stays_as_it_is(
    database: Database, cursor: MySQLCursorAbstract, names: tuple[str, ...]
) -> None:
    record_migrations(cursor, *names)
    cursor.execute("DROP TRIGGER bans_inserted")
    before = definitions(cursor)
    result = CliRunner().invoke(cli, ["migrate", "--database-url", database.admin_url()])
    assert (result.exit_code, definitions(cursor)) == (1, before)
    assert f"this version does not know the migration {names[-1]}; nothing was changed" in result.output
    assert "copy the rows (docs/operate/database.md" in result.output
    record_migrations(cursor, *migrations())
    assert migrate(database) == ["created the trigger bans_inserted"]


def test_a_former_trigger_goes_and_that_of_a_site_stays(database: Database, cursor: MySQLCursorAbstract) -> None:
    head = "TRIGGER {} AFTER INSERT ON bans FOR EACH ROW SET @nothing = 1"
    cursor.execute(f"CREATE DEFINER = 'takedown_definer'@'localhost' {head.format('bans_inserted_0')}")
    cursor.execute(f"CREATE {head.format('of_the_site')}")
    assert migrate(database) == ["dropped the trigger bans_inserted_0: it is no longer in the schema"]
    assert migrate(database) == ["nothing to do: the schema is complete"]
    cursor.execute("DROP TRIGGER of_the_site")  # an error if it were gone


def test_migrating_restores_a_trigger_that_is_gone(database: Database, cursor: MySQLCursorAbstract, code: str) -> None:
    cursor.execute("DROP TRIGGER bans_inserted")
    url = database.url("purger")
    state = CliRunner().invoke(cli, ["status", "--json", "--database-url", url])
    assert json.loads(state.output)["database"]["missing_triggers"] == ["bans_inserted"]
    assert state.exit_code == 3
    assert migrate(database) == ["created the trigger bans_inserted"]
    cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (code,))
    assert written(cursor) == [("image", code, "ban")]


@pytest.mark.parametrize(
    "replaced",
    [
        "CREATE TRIGGER bans_inserted AFTER INSERT ON bans FOR EACH ROW SET @nothing = 1",
        "CREATE TRIGGER bans_inserted AFTER INSERT ON bans FOR EACH ROW "
        "INSERT INTO invalidations (scope, subject, cause, ban_id) VALUES (NEW.scope, NEW.subject, 'ban', NEW.id)",
    ],
    ids=["body", "definer"],
)
def test_a_trigger_with_another_body_or_definer_is_missed_and_restored(
    database: Database, cursor: MySQLCursorAbstract, code: str, replaced: str
) -> None:
    cursor.execute("DROP TRIGGER bans_inserted")
    cursor.execute(replaced)
    state = CliRunner().invoke(cli, ["status", "--json", "--database-url", database.url("purger")])
    assert json.loads(state.output)["database"]["missing_triggers"] == ["bans_inserted"]
    assert migrate(database) == ["restored the trigger bans_inserted: its body, time or definer was another one"]
    cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (code,))
    cursor.execute("SELECT invalidation FROM moderation_log ORDER BY id DESC LIMIT 1")
    logged = cursor.fetchall()
    cursor.execute("SELECT id FROM invalidations")
    assert cursor.fetchall() == logged  # the log still comes after the outbox
    assert written(cursor) == [("image", code, "ban")]


def test_triggers_that_went_with_a_swapped_table_are_missed_and_restored(
    database: Database, cursor: MySQLCursorAbstract, code: str
) -> None:
    cursor.execute("CREATE TABLE bans_new LIKE bans")
    cursor.execute("RENAME TABLE bans TO bans_old, bans_new TO bans")
    ours = ["bans_deleted", "bans_inserted", "bans_updated"]
    state = CliRunner().invoke(cli, ["status", "--json", "--database-url", database.url("purger")])
    assert json.loads(state.output)["database"]["missing_triggers"] == ours
    done = migrate(database)
    dropped = [line for line in done if "dropped" in line]
    assert done[: len(dropped)] == dropped, "a trigger goes before it is made on the other table"
    assert done[len(dropped) :] == [f"created {len(dropped)} triggers"]
    for trigger in ours:
        assert f"dropped the trigger {trigger} from bans_old" in done
    cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (code,))
    assert written(cursor) == [("image", code, "ban")]
    with pytest.raises(mysql.connector.Error, match=r"bans\.subject must be"):
        cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', 'a b')")
    cursor.execute("DROP TABLE bans_old")


def test_a_counter_that_was_lost_comes_back_and_gives_no_number_twice(
    database: Database, cursor: MySQLCursorAbstract, code: str
) -> None:
    def number() -> int:
        cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (code,))
        call(cursor, "number_invalidations(NULL, NULL, @size, @more)")
        cursor.execute("SELECT last_batch, @size FROM numbering")
        ((last_batch, size),) = cursor.fetchall()
        assert size == 1
        return int(str(last_batch))

    before = number()
    cursor.execute("DELETE FROM numbering")
    migrate(database)
    assert number() == before + 1
    written(cursor)


def test_an_admin_url_without_a_server_is_told_in_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        cli, ["migrate", "--database-url", f"mysql://a@localhost/b?unix_socket={tmp_path}/none"]
    )
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert len(result.output.splitlines()) == 1
