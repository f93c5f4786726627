"""`purger migrate`: brings a database to the schema that this version needs; safe to run again and at any time."""

import re
from collections.abc import Iterable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType

import mysql.connector
from mysql.connector.abstracts import MySQLCursorAbstract

from database import connect, explain
from purger.link import fetch
from purger.statements import statement
from purger.triggers import SCRIPTS, altered_triggers, defined, judge_triggers, strayed_triggers

#: Seconds. A later migration may rebuild a large table.
_TIMEOUT = 3600

#: Seconds that a statement waits for a table. While it does, everyone else waits behind it.
_LOCK_TIMEOUT = 10


class MigrationError(Exception):
    """The database cannot be brought to the schema. The text says why and what to do."""


def migrate(url: str) -> list[str]:
    """Apply what the database at ``url`` (an admin's account) lacks; what was done, a line each.

    Raises ``MigrationError``, or ``UnusableUrlError`` for a malformed URL. What was applied before stays, and the next
    run goes on from there.
    """
    try:
        connection = connect(url, timeout=_TIMEOUT, database=False)
    except mysql.connector.Error as error:
        raise MigrationError(explain(error)) from error
    try:
        with connection.cursor() as cursor:
            return _migrate(cursor, _database_name(url))
    except mysql.connector.Error as error:
        raise MigrationError(_advise(error)) from error
    finally:
        connection.close()


def _database_name(url: str) -> str:
    name = url.partition("?")[0].rpartition("/")[2]
    if not re.fullmatch(r"[A-Za-z0-9_$-]{1,64}", name):
        raise MigrationError(f"the database's name must be 1 to 64 letters, digits, '_', '$' or '-', not {name!r}")
    return name


def _migrate(cursor: MySQLCursorAbstract, name: str) -> list[str]:
    quoted = f"`{name}`"
    cursor.execute(f"SET SESSION lock_wait_timeout = {_LOCK_TIMEOUT:d}")
    judge_server(*fetch(cursor, "migrate_server")[0])
    if not fetch(cursor, "migrate_lock")[0][0]:
        raise MigrationError("another `purger migrate` is at work; wait for its end")
    done = []
    cursor.execute(statement("migrate_exists"), {"name": name})
    if not cursor.fetchall():
        cursor.execute(statement("migrate_create").replace("{database}", quoted))
        done.append(f"created the database {name}")
    cursor.execute(f"USE {quoted}")
    done += _apply_migrations(cursor)
    for part in ("definer", "routines"):
        _script(cursor, _schema(f"{part}.sql"), quoted)
    done += _restore_triggers(cursor, quoted)
    _script(cursor, _schema("accounts.sql"), quoted)
    return done


def _restore_triggers(cursor: MySQLCursorAbstract, quoted: str) -> list[str]:
    """Create the triggers that do not stand as the schema defines them; what was done, a line each.

    A trigger that went with a table which was swapped for another is dropped first: its name is wanted on that one.
    """
    standing = fetch(cursor, "triggers")
    judged = judge_triggers(standing)
    strayed = strayed_triggers(standing)
    altered = altered_triggers(standing)
    for trigger in [name for name, _ in strayed] + altered:
        cursor.execute(statement("migrate_drop_trigger").replace("{trigger}", trigger))
    for part in SCRIPTS:
        _script(
            cursor, _schema(f"{part}.sql"), quoted, _before_followers(row for row in standing if row[0] not in altered)
        )
    left = judge_triggers(fetch(cursor, "triggers"))
    if left.missing or left.weakened:
        raise MigrationError(
            f"these triggers do not stand although they were just created: {', '.join(left.missing + left.weakened)}"
        )
    created = [trigger for trigger in judged.missing + judged.weakened if trigger not in altered]
    return [
        *(f"dropped the trigger {trigger} from {table}" for trigger, table in strayed),
        *(f"restored the trigger {trigger}: its body, time or definer was another one" for trigger in altered),
        *(f"created the trigger {trigger}" for trigger in created),
    ]


def _before_followers(standing: Iterable[tuple[object, ...]]) -> dict[str, str]:
    """Change the text so that a trigger that is created again fires before the one which has to follow it."""
    places = {row[:2] for row in standing}
    followers = {own.follows: own for own in defined("log").values() if own.follows and own[:2] in places}
    return {
        (head := f"{name} {own.timing} {own.event} ON {own.on_table} FOR EACH ROW"): f"{head} PRECEDES {own.name}"
        for name, own in followers.items()
    }


def _apply_migrations(cursor: MySQLCursorAbstract) -> list[str]:
    cursor.execute(statement("migrate_versions"))
    applied = {version for (version,) in fetch(cursor, "migrate_applied")}
    done = []
    for script in sorted(_schema("migrations").iterdir(), key=lambda script: script.name):
        match = re.fullmatch(r"(\d{4})_\w+\.sql", script.name)
        if match and int(match[1]) not in applied:
            _script(cursor, script, "")
            cursor.execute(statement("migrate_apply"), {"version": int(match[1]), "name": script.name})
            done.append(f"applied {script.name}")
    return done


def _schema(name: str) -> Traversable:
    return resources.files("purger").joinpath("schema", name)


def _script(
    cursor: MySQLCursorAbstract, script: Traversable, quoted: str, changes: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Run all statements of a script, with ``changes`` made in its text; the driver knows DELIMITER."""
    text = script.read_text(encoding="utf-8").replace("{database}", quoted)
    for old, new in changes.items():
        text = text.replace(old, new)
    try:
        cursor.execute(text, map_results=True)
        for _ in cursor.fetchsets():
            pass
    except mysql.connector.Error:
        raise
    except Exception as error:
        # The driver's C extension raises a type of its own for any statement but the first.
        if errno := getattr(error, "errno", None):
            raise mysql.connector.errors.get_mysql_exception(errno, str(error)) from error
        raise


def judge_server(version: str, log_bin: int, binlog_format: str) -> None:
    """Raise ``MigrationError`` when the schema cannot work on such a server."""
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:3])
    needed = (10, 6, 0) if "MariaDB" in version else (8, 0, 29)
    if numbers < needed:
        raise MigrationError(f"the server is {version}; MySQL 8.0.29 or MariaDB 10.6 is the oldest that will do")
    if log_bin and binlog_format == "STATEMENT":
        raise MigrationError(
            "binlog_format is STATEMENT, with which nothing can be written under READ COMMITTED (error 1665): "
            "SET GLOBAL binlog_format = 'ROW', and the same in the server's configuration"
        )


def _advise(error: mysql.connector.Error) -> str:
    if error.errno == 1419:
        return (
            "the server keeps a binary log and lets only SUPER create triggers (error 1419): run this with such an "
            "account, or SET GLOBAL log_bin_trust_function_creators = 1 while migrating"
        )
    if error.errno == 1205:
        return f"another session holds a table for longer than {_LOCK_TIMEOUT} s; run this again when it has ended"
    return explain(error)
