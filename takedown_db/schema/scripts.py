"""Runs the schema's SQL scripts, statement by statement."""

import hashlib
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType

import mysql.connector
from mysql.connector.abstracts import MySQLCursorAbstract

from takedown_db.connection.error_numbers import TABLE_CHANGED_ALREADY
from takedown_db.connection.lasting_connection import later_results

_NOTHING: Mapping[str, str] = MappingProxyType({})


def definition(name: str) -> Traversable:
    """Find ``schema/definitions/<name>.sql`` in the package."""
    return resources.files("takedown_db").joinpath("schema", "definitions", f"{name}.sql")


def migrations() -> dict[str, Traversable]:
    """Find the migrations of this version, by name and hash: a database that had another text of one is not of it."""
    scripts = (
        each
        for each in resources.files("takedown_db").joinpath("schema", "migrations").iterdir()
        if each.name.endswith(".sql")
    )
    return {f"{each.name} {hashlib.sha256(each.read_bytes()).hexdigest()[:8]}": each for each in scripts}


def run_migration(cursor: MySQLCursorAbstract, script: Traversable) -> None:
    """Run a script that an earlier run may have carried out without recording it. Raises ``mysql.connector.Error``.

    All its statements can be repeated, but for one ALTER TABLE at its end: an error that the change was made already
    means that the earlier run ended just after it.
    """
    try:
        run_script(cursor, script)
    except mysql.connector.Error as error:
        if error.errno not in TABLE_CHANGED_ALREADY:
            raise


def run_script(cursor: MySQLCursorAbstract, script: Traversable, changes: Mapping[str, str] = _NOTHING) -> None:
    """Run all statements of ``script`` after replacing ``changes`` in its text; it may have DELIMITER lines.

    Raises ``mysql.connector.Error``.
    """
    text = script.read_text(encoding="utf-8")
    for old, new in changes.items():
        text = text.replace(old, new)
    with later_results():
        cursor.execute(text, map_results=True)
        for _ in cursor.fetchsets():
            pass
