"""Runs the schema's SQL scripts, statement by statement."""

from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType

from mysql.connector.abstracts import MySQLCursorAbstract

from takedown_db.connection.lasting_connection import later_results

_NOTHING: Mapping[str, str] = MappingProxyType({})


def schema_file(name: str) -> Traversable:
    """Find ``schema/<name>`` in the package."""
    return resources.files("takedown_db").joinpath("schema", name)


def run_script(cursor: MySQLCursorAbstract, script: Traversable, changes: Mapping[str, str] = _NOTHING) -> None:
    """Run all statements of ``script`` after replacing ``changes`` in its text. Raises ``mysql.connector.Error``."""
    text = script.read_text(encoding="utf-8")
    for old, new in changes.items():
        text = text.replace(old, new)
    run_text(cursor, text)


def run_text(cursor: MySQLCursorAbstract, text: str) -> None:
    """Run the statements in ``text``, which may have DELIMITER lines. Raises ``mysql.connector.Error``."""
    with later_results():
        cursor.execute(text, map_results=True)
        for _ in cursor.fetchsets():
            pass
