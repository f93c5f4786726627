"""Brings a database to the schema of this version (`purger migrate`). Safe to repeat, and to run at any time."""

import re
from importlib.resources.abc import Traversable

import mysql.connector
from mysql.connector.abstracts import MySQLCursorAbstract

from takedown_db.connection.adoption import adopt_first
from takedown_db.connection.connect import connect
from takedown_db.connection.error_numbers import TABLE_CHANGED_ALREADY, ErrorNumber
from takedown_db.connection.errors import explain
from takedown_db.connection.lasting_connection import fetch
from takedown_db.schema.grants import grant, name_pattern, narrow_definer
from takedown_db.schema.malformed_rows import repair_rows
from takedown_db.schema.scripts import run_script, schema_file
from takedown_db.schema.trigger_repair import TriggersNotMadeError, restore_triggers
from takedown_db.statements import statement

#: Seconds that a statement may take: a migration may rebuild a large table.
_TIMEOUT = 3600

#: Seconds that a statement waits for a table's lock. Every other session waits behind it meanwhile.
_LOCK_TIMEOUT = 10


class MigrationError(Exception):
    """The migration failed. The text says why, and what to do."""


def migrate(url: str) -> list[str]:
    """Apply the missing parts of the schema to the database at ``url`` (an admin's account).

    Returns a line for each step. Raises ``MigrationError``, or ``UnusableUrlError`` for a malformed URL. The steps that
    were applied before an error stay, and the next run goes on from there.
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
    except TriggersNotMadeError as error:
        raise MigrationError(str(error)) from error
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
    (server,) = fetch(cursor, "migrate_server")
    judge_server(*server)
    ((locked,),) = fetch(cursor, "migrate_lock")
    if not locked:
        ((holder,),) = fetch(cursor, "migrate_lock_holder")
        raise MigrationError(
            f"connection {holder} holds the lock of migrations: wait if another `purger migrate` is at work; if none "
            f"is, end it as an admin (KILL {holder})"
        )
    done = []
    cursor.execute(statement("migrate_exists"), {"name": name})
    if not cursor.fetchall():
        cursor.execute(statement("migrate_create").replace("{database}", quoted))
        done.append(f"created the database {name}")
    cursor.execute(f"USE {quoted}")
    done += _apply_migrations(cursor)
    pattern = name_pattern(cursor, name)
    run_script(cursor, schema_file("definer.sql"), {"{pattern}": pattern})
    run_script(cursor, schema_file("hook_routines.sql"), {"{database}": quoted})
    for routines in ("numbering", "sharing", "moderation", "signed_log"):
        run_script(cursor, schema_file(f"{routines}_routines.sql"))
    done += restore_triggers(cursor)
    done += grant(cursor, name)
    done += narrow_definer(cursor, name, pattern)
    done += adopt_first(cursor)
    return done + repair_rows(cursor)


def _apply_migrations(cursor: MySQLCursorAbstract) -> list[str]:
    cursor.execute(statement("migrate_versions"))
    applied = {version for (version,) in fetch(cursor, "migrate_applied")}
    done = []
    for script in sorted(schema_file("migrations").iterdir(), key=lambda script: script.name):
        match = re.fullmatch(r"(\d{4})_\w+\.sql", script.name)
        if match and int(match[1]) not in applied:
            _apply(cursor, script)
            cursor.execute(statement("migrate_apply"), {"version": int(match[1]), "name": script.name})
            done.append(f"applied {script.name}")
    return done


def _apply(cursor: MySQLCursorAbstract, script: Traversable) -> None:
    """Run a migration's script.

    A script that changes a table ends with its one ALTER: an error that the change was made already means that a run
    ended just after it.
    """
    try:
        run_script(cursor, script)
    except mysql.connector.Error as error:
        if error.errno not in TABLE_CHANGED_ALREADY:
            raise


def judge_server(version: str, log_bin: int, binlog_format: str) -> None:
    """Raise ``MigrationError`` for a server that is too old, or whose binary log refuses READ COMMITTED."""
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
    if error.errno == ErrorNumber.ER_BINLOG_CREATE_ROUTINE_NEED_SUPER:
        return (
            "the server keeps a binary log and lets only SUPER create triggers (error 1419): run this with such an "
            "account, or SET GLOBAL log_bin_trust_function_creators = 1 while migrating"
        )
    if error.errno == ErrorNumber.ER_TABLEACCESS_DENIED_ERROR and "replication_group_members" in str(error):
        return (
            "the purger has to see whether the server is a member of its replication group: run this with an account "
            "that has SELECT on performance_schema.replication_group_members, WITH GRANT OPTION (error 1142)"
        )
    if error.errno == ErrorNumber.ER_LOCK_WAIT_TIMEOUT:
        return f"another session holds a table for longer than {_LOCK_TIMEOUT} s; run this again when it has ended"
    return explain(error)
