"""Brings a database to the schema of this version (`purger migrate`). Safe to repeat, and to run at any time."""

import re

import mysql.connector
from mysql.connector.abstracts import MySQLCursorAbstract

from takedown_db.connection.adoption import adopt_first
from takedown_db.connection.connect import connect
from takedown_db.connection.error_numbers import ErrorNumber
from takedown_db.connection.errors import explain
from takedown_db.connection.lasting_connection import fetch
from takedown_db.schema.scripts import definition, migrations, run_migration, run_script
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
    run_script(cursor, definition("definer"), {"{pattern}": _name_pattern(cursor, name)})
    run_script(cursor, definition("content_routines"))
    run_script(cursor, definition("hook_routines"), {"{database}": quoted})
    for routines in ("numbering", "sharing", "moderation", "signed_log", "site", "list", "door"):
        run_script(cursor, definition(f"{routines}_routines"))
    done += restore_triggers(cursor)
    run_script(cursor, definition("accounts"), {"{database}": quoted})
    if fetch(cursor, "migrate_in_group"):
        run_script(cursor, definition("group_replication_grant"))
    return done + adopt_first(cursor)


def _name_pattern(cursor: MySQLCursorAbstract, name: str) -> str:
    r"""Quote a database's name for a GRANT on the whole database, where ``_`` is a wildcard and ``\_`` itself."""
    return f"`{name}`" if fetch(cursor, "migrate_wildcards") else f"`{name}`".replace("_", r"\_")


def _apply_migrations(cursor: MySQLCursorAbstract) -> list[str]:
    """Apply the missing migrations in the order of their numbers. Returns a line for each."""
    cursor.execute(statement("migrate_versions"))
    scripts = migrations()
    applied = {str(name) for (name,) in fetch(cursor, "migrate_applied")}
    done = []
    if unknown := sorted(applied - scripts.keys()):
        raise MigrationError(
            f"this version does not know the migration {unknown[-1]}; nothing was changed. If a later version has "
            "made the database, use that one. If an unreleased one has, migrate a new database and copy the rows "
            '(docs/operate/database.md, "Upgrades")'
        )
    for name in sorted(scripts.keys() - applied):
        run_migration(cursor, scripts[name])
        cursor.execute(statement("migrate_apply"), {"version": int(name[:4]), "name": name})
        done.append(f"applied {name}")
    return done


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
