"""Single random changes of the tables that proofs are made from, by any account, each undone after a look."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import mysql.connector
from mysql.connector.abstracts import MySQLConnectionAbstract, MySQLCursorAbstract

from purger.signed_log.audit.audit import audit_log
from purger.signed_log.audit.report import AuditReport
from takedown_db.connection.lasting_connection import Connection
from takedown_log.signed_note import VerifierKey

#: The tables that receipts and proofs are made from.
EVIDENCE = (
    "bans",
    "moderation_log",
    "invalidations",
    "batches",
    "receipts",
    "sightings",
    "log_leaves",
    "log_nodes",
    "log_events",
    "log_checkpoints",
    "log_keys",
    "log_state",
)

#: A column of these that an audit does not compare.
_NO_EVIDENCE = {("batches", "redated_at")}


class UncommittedReader(Connection):
    """A connection that sees what others have not committed yet, also in its snapshots."""

    @contextmanager
    def snapshot(self) -> Iterator[MySQLCursorAbstract]:
        """Yield the cursor, without a transaction."""
        with self.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED")
            yield cursor


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    name: str
    kind: str  # the type's name, small
    nullable: bool
    key: bool  # part of the primary key


@dataclass(frozen=True, slots=True)
class Outcome:
    """A change, and how it ended: refused by the server, recorded as an act, found by the audit, or missed."""

    account: str
    change: str  # what was changed: ``update receipts.method``
    result: str
    detail: str = ""


class Changer:
    """Makes changes in transactions that are rolled back, and audits before that."""

    def __init__(
        self, url: str, key: VerifierKey, sessions: dict[str, MySQLConnectionAbstract], chooser: random.Random
    ) -> None:
        self._reader = UncommittedReader(url, timeout=30)
        self._key = key
        self._sessions = sessions
        self._chooser = chooser
        self._tables = {table: self._columns(table) for table in EVIDENCE if self._count(table)}

    def close(self) -> None:
        """Close the connection of the audits."""
        self._reader.close()

    def audit(self) -> AuditReport:
        """Compare the database with the log, with all that is not committed yet."""
        with self._reader.snapshot():
            return audit_log(self._reader, self._key)

    def change(self, account: str) -> Outcome:
        """Change one value, or one row, as an account; tell what came of it."""
        table = self._chooser.choice(sorted(self._tables))
        what, text, values = self._statement(table)
        session = self._sessions[account]
        with session.cursor() as cursor:
            cursor.execute("START TRANSACTION")
            try:
                return self._judge(cursor, account, what, text, values)
            finally:
                cursor.execute("ROLLBACK")

    def _judge(
        self, cursor: MySQLCursorAbstract, account: str, what: str, text: str, values: dict[str, Any]
    ) -> Outcome:
        acts = self._count("moderation_log")
        try:
            cursor.execute(text, values)
        except mysql.connector.Error as error:
            return Outcome(account, what, "refused", str(error))
        if not cursor.rowcount:
            return Outcome(account, what, "nothing changed", json.dumps(values, default=str))
        report = self.audit()
        if report.altered:
            return Outcome(account, what, "found", report.findings[0].text())
        if self._count("moderation_log") > acts:
            return Outcome(account, what, "recorded")
        return Outcome(account, what, "missed", f"{text} {values}")

    def _count(self, table: str) -> int:
        with self._reader.snapshot() as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM {table}")
            rows: Any = cursor.fetchall()
            return int(rows[0][0])

    def _columns(self, table: str) -> list[Column]:
        with self._sessions["admin"].cursor() as cursor:
            cursor.execute(
                "SELECT COLUMN_NAME, DATA_TYPE, IS_NULLABLE, COLUMN_KEY FROM information_schema.COLUMNS "
                "WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION",
                (table,),
            )
            rows: Any = cursor.fetchall()
        return [
            Column(name, _text(kind).lower(), nullable == "YES", key == "PRI")
            for name, kind, nullable, key in rows
            if (table, name) not in _NO_EVIDENCE
        ]

    def _statement(self, table: str) -> tuple[str, str, dict[str, Any]]:
        """Make the statement of a change, its values, and its name."""
        columns = self._tables[table]
        row = self._row(table)
        where = " AND ".join(f"{column.name} = %(was_{column.name})s" for column in columns if column.key)
        old = {f"was_{column.name}": row[column.name] for column in columns if column.key}
        way = self._chooser.random()
        if way < 0.1:
            return f"delete {table}", f"DELETE FROM {table} WHERE {where}", old
        if way < 0.2:
            copied = {**row, **{column.name: self._other(column, row[column.name]) for column in columns if column.key}}
            names = ", ".join(copied)
            return (
                f"insert {table}",
                f"INSERT INTO {table} ({names}) VALUES ({', '.join(f'%({name})s' for name in copied)})",
                copied,
            )
        column = self._chooser.choice(columns)
        new = self._other(column, row[column.name])
        text = f"UPDATE {table} SET {column.name} = %(new)s WHERE {where}"
        return f"update {table}.{column.name}", text, {**old, "new": new}

    def _row(self, table: str) -> dict[str, Any]:
        with self._sessions["admin"].cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table} ORDER BY RAND({self._chooser.randrange(10**6)}) LIMIT 1")
            rows: Any = cursor.fetchall()
            names = [str(column[0]) for column in cursor.description or ()]
        return dict(zip(names, rows[0], strict=True))

    def _other(self, column: Column, value: Any) -> Any:
        """Return another value that the column holds."""
        if value is not None and column.nullable and self._chooser.random() < 0.2:
            return None
        if "int" in column.kind:
            return 1 if value is None else value + 1 if value == 0 or self._chooser.random() < 0.5 else value - 1
        if column.kind == "datetime":
            step = timedelta(microseconds=1000) if self._chooser.random() < 0.5 else timedelta(days=1)
            return datetime(2026, 1, 2, 3, 4, 5) if value is None else value + step
        if isinstance(value, bytes | bytearray) and value:
            changed = bytearray(value)
            changed[self._chooser.randrange(len(changed))] ^= 1 << self._chooser.randrange(8)
            return bytes(changed)
        if not value:
            return "x"
        at = self._chooser.randrange(len(value))
        return value[:at] + ("x" if value[at] != "x" else "y") + value[at + 1 :]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes | bytearray) else str(value)
