"""Read ``read_only`` by SQL: a number on some servers, a word on MariaDB from 12.0 on."""

import re
from pathlib import Path

import pytest

from stack.databases.database import Database

_ROOT = Path(__file__).resolve().parents[3]
_VARIABLE = "@@GLOBAL.read_only"
_EXPRESSION = re.compile(r"CAST\(@@GLOBAL\.read_only AS CHAR\)[^,\n]*(?:,[^\n]*?\))?")


_SOURCES = [
    path
    for directory in ("origin", "purger", "takedown_db")
    for path in sorted((_ROOT / directory).rglob("*.sql"))
    if _VARIABLE in path.read_text()
]


def test_the_statements_that_ask_are_found() -> None:
    assert {path.name for path in _SOURCES} >= {"lookup.sql", "outbox.sql", "numbering_routines.sql"}


@pytest.mark.parametrize("source", _SOURCES, ids=lambda path: path.stem)
def test_each_value_that_a_server_may_have_is_understood(database: Database, source: Path) -> None:
    text = source.read_text()
    expressions = [found.group().removesuffix(" AS read_only") for found in _EXPRESSION.finditer(text)]
    assert len(expressions) == text.count(_VARIABLE)
    with database.connect_admin() as connection, connection.cursor() as cursor:
        for expression in expressions:
            for value, read_only in {
                "0": 0,
                "1": 1,
                "'OFF'": 0,
                "'ON'": 1,
                "'NO_LOCK'": 1,
                "'NO_LOCK_NO_ADMIN'": 1,
                _VARIABLE: 0,
            }.items():
                cursor.execute(f"SELECT {expression.replace(_VARIABLE, value)}")
                assert cursor.fetchall() == [(read_only,)], value
