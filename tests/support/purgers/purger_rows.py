"""Write the rows that a purger would have written about its edges, for tests of the reports on them."""

import json
import threading
from dataclasses import replace
from itertools import count
from typing import Any

from click.testing import CliRunner
from mysql.connector.abstracts import MySQLCursorAbstract

from purger.cli.main import cli
from purger.model import ProbeResult, Receipt, SavedProgress
from purger.records.recorder import Recorder
from stack.databases.database import Database
from takedown_db.connection.lasting_connection import Connection

_numbers = count(1)


class TakedownRecord:
    """The rows of bans, receipts and probe results in a database without purger and edges."""

    def __init__(self, database: Database, cursor: MySQLCursorAbstract) -> None:
        self.database = database
        self._cursor = cursor

    def sql(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        self._cursor.execute(text, values)
        rows: list[tuple[Any, ...]] = (
            [tuple(row) for row in self._cursor.fetchall()] if self._cursor.description else []
        )
        while self._cursor.nextset():
            pass
        return rows

    def new(self, kind: str = "code") -> str:
        return f"{kind}{next(_numbers)}"

    def new_digest(self) -> str:
        return f"{next(_numbers):064x}"

    def image(self, code: str, owner: str, digest: str) -> None:
        """Add an image, or replace its owner and original."""
        self.sql("REPLACE INTO images (code, owner) VALUES (%s, %s)", code, owner)
        self.sql(
            "REPLACE INTO renditions (code, name, content_type, size, width, height, digest) "
            "VALUES (%s, 'original', 'image/png', 1, 1, 1, %s)",
            code,
            digest,
        )

    def ban(self, subject: str, scope: str = "image", reason: str = "", banned_by: str = "") -> int:
        """Write a ban with moderation's account, and put it into a batch. Returns the ban's id."""
        with self.database.connect("moderation") as connection, connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO bans (scope, subject, reason, banned_by) VALUES (%s, %s, %s, %s)",
                (scope, subject, reason, banned_by),
            )
            ban = int(cursor.lastrowid or 0)
        self.number()
        return ban

    def number(self) -> int:
        """Number what waits, and return the last batch."""
        self.sql("CALL number_invalidations(NULL, NULL, @size, @more)")
        return int(self.sql("SELECT last_batch FROM numbering")[0][0])

    def edge(self, name: str = "edge1") -> None:
        self.sql("INSERT INTO edges (name, purge_url, public_url, token_file) VALUES (%s, 'p', 'q', 't')", name)

    def acknowledged(self, edge: str, first: int, last: int, method: str = "purge") -> None:
        self.sql("INSERT INTO receipts VALUES (%s, %s, %s, %s, 'i', UTC_TIMESTAMP(6))", edge, last, first, method)

    def seen(self, edge: str, ban: int, gone: bool = True) -> None:
        self.sql(
            """INSERT INTO sightings (edge, invalidation, seen_at, status, gone)
            SELECT %s, id, UTC_TIMESTAMP(6), 410, %s FROM invalidations WHERE ban_id = %s AND cause = 'ban'""",
            *(edge, gone, ban),
        )
        self.sql(
            """INSERT INTO probe_remarks (edge, invalidation, removed)
            SELECT %s, id, 1 FROM invalidations WHERE ban_id = %s AND cause = 'ban'""",
            *(edge, ban),
        )

    def text(self, *arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(cli, ["receipts", *arguments, "--database-url", self.database.url("purger")])
        assert result.exit_code == code, result.output
        return result.output

    def receipts(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text(*arguments, "--json", code=code))
        return found


def record_receipt(record: TakedownRecord, receipt: Receipt, ban: int, probe_result: ProbeResult) -> None:
    """Let a ``Recorder`` write a receipt, a probe result of the ban's purge and the edge's progress."""
    row = record.sql("SELECT id, scope, subject FROM invalidations WHERE ban_id = %s AND cause = 'ban'", ban)
    if row:
        probe_result = replace(probe_result, invalidation=row[0][0], scope=row[0][1], subject=row[0][2])
    connection = Connection(record.database.url("purger"), timeout=10)
    recorder = Recorder(connection, delay=0.0, stop=(stop := threading.Event()), usable=lambda: False)
    recorder.acknowledged(
        receipt.edge,
        SavedProgress("i", receipt.last, receipt.last, receipt.last, receipt.last, None),
        receipts=[receipt],
        probe_results=[probe_result],
    )
    stop.set()
    recorder.run()
    assert record.sql("SELECT acknowledged FROM edges WHERE name = %s", receipt.edge) == [(receipt.last,)]
