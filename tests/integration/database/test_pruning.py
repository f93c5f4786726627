"""Prune rows past their retention, by the database's clock; bans, lifts and their receipts stay longer."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import mysql.connector
import pytest
from mysql.connector.abstracts import MySQLConnectionAbstract

from purger.maintenance import prune
from purger.model import Position
from purger.outbox.outbox import Outbox, PrunedError
from stack.databases.database import Database
from takedown_db.connection.connect import connect
from takedown_db.connection.lasting_connection import Connection

_numbers = count(1)
PRUNE = "CALL prune_outbox(30, 400)"


class PastOutbox:
    """A database with a past: each ``batch`` was numbered the given number of days ago."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.admin = connect(database.admin_url(), timeout=30)
        self.purger = connect(database.url("purger"), timeout=30)

    def sql(self, text: str, *values: Any, by: MySQLConnectionAbstract | None = None) -> list[tuple[object, ...]]:
        with (by or self.admin).cursor() as cursor:
            cursor.execute(text, values)
            rows: list[tuple[object, ...]] = [tuple(row) for row in cursor.fetchall()] if cursor.description else []
            while cursor.nextset():
                pass
        return rows

    def number(self, text: str, *values: Any) -> int:
        return int(str(self.sql(text, *values)[0][0]))

    def batch(self, days: int, *, bans: int = 0, images: int = 0) -> int:
        """Make a batch of that age from bans and changes of images, with a receipt and a probe result for each."""
        for _ in range(bans):
            self.sql("INSERT INTO bans (scope, subject) VALUES ('image', %s)", f"c{next(_numbers)}")
        if images:
            rows = ", ".join(f"('image', 'c{next(_numbers)}', 'image')" for _ in range(images))
            self.sql(f"INSERT INTO invalidations (scope, subject, cause) VALUES {rows}")
        head = 0
        while self.number("SELECT COUNT(*) FROM invalidations WHERE batch IS NULL"):
            self.sql("CALL number_invalidations(NULL, NULL, @size, @more)")
            head = self.number("SELECT last_batch FROM numbering")
            self.sql(
                "UPDATE batches SET numbered_at = TIMESTAMPADD(DAY, %s, UTC_TIMESTAMP(6)) WHERE batch = %s", -days, head
            )
            self.sql("INSERT INTO receipts VALUES ('edge1', %s, %s, 'purge', 'i', UTC_TIMESTAMP(6))", head, head)
        rows = "SELECT 'edge1', id{} FROM invalidations"
        self.sql(f"INSERT IGNORE INTO probe_remarks (edge, invalidation) {rows.format('')}")
        seen = rows.format(", UTC_TIMESTAMP(6), TRUE")
        self.sql(f"INSERT IGNORE INTO sightings (edge, invalidation, seen_at, gone) {seen}")
        return head

    def prune(self) -> int:
        connection = Connection(self.database.url("purger"), timeout=30)
        rows = sum(prune(connection, 30, 400))
        connection.close()
        return rows

    def content(self) -> dict[str, list[object]]:
        tables = {
            "rows": "SELECT batch FROM invalidations ORDER BY id",
            "batches": "SELECT batch FROM batches ORDER BY batch",
            "receipts": "SELECT batch FROM receipts ORDER BY batch",
            "sightings": "SELECT batch FROM sightings JOIN invalidations ON id = invalidation ORDER BY id",
            "remarks": "SELECT batch FROM probe_remarks JOIN invalidations ON id = invalidation ORDER BY id",
        }
        return {table: [row[0] for row in self.sql(text)] for table, text in tables.items()}

    def forget_bounds(self) -> None:
        """Move the bounds of pruning up to today, so that only the retention holds it back."""
        self.sql("UPDATE retention SET outbox_until = UTC_TIMESTAMP(6), receipts_until = UTC_TIMESTAMP(6)")


@pytest.fixture
def outbox(database: Database) -> Iterator[PastOutbox]:
    outbox = PastOutbox(database)
    for table in ("invalidations", "batches", "receipts", "sightings", "probe_remarks", "numbering", "retention"):
        outbox.sql(f"DELETE FROM {table}")
    outbox.sql("INSERT INTO numbering (one) VALUES (1)")
    outbox.sql("INSERT INTO retention (one) VALUES (1)")
    yield outbox
    outbox.admin.close()
    outbox.purger.close()


def test_bans_and_their_receipts_stay_longer_than_the_rest(outbox: PastOutbox) -> None:
    oldest = outbox.batch(500, bans=1, images=1)
    image = outbox.batch(100, images=2)
    mixed = outbox.batch(50, bans=1, images=2)
    young = outbox.batch(10, bans=1, images=1)
    outbox.forget_bounds()
    assert outbox.prune() == 1 + 1 + 2 + 2
    assert outbox.content() == {
        "rows": [mixed, young, young],
        "batches": [mixed, young],
        "receipts": [mixed, young],
        "sightings": [mixed, young, young],
        "remarks": [mixed, young, young],
    }
    assert outbox.number("SELECT COUNT(*) FROM sightings") == 3
    assert outbox.number("SELECT COUNT(*) FROM probe_remarks") == 3
    assert outbox.sql("SELECT pruned_batch FROM numbering") == [(mixed,)]
    assert outbox.sql("SELECT outbox_batch, receipts_batch FROM retention") == [(mixed, oldest)]
    assert image < mixed


def test_a_batch_with_a_date_of_the_future_is_judged_by_the_time_at_which_it_was_dated_anew(outbox: PastOutbox) -> None:
    outbox.batch(-1826, images=2)
    last = outbox.batch(1, images=1)
    outbox.forget_bounds()
    assert outbox.prune() == 0
    outbox.sql("UPDATE batches SET redated_at = UTC_TIMESTAMP(6) - INTERVAL 31 DAY WHERE batch < %s", last)
    assert outbox.prune() == 2
    assert outbox.content()["batches"] == [last]


def test_a_receipt_stays_while_one_of_its_batches_holds_a_ban(outbox: PastOutbox) -> None:
    first = outbox.batch(100, bans=1)
    last = outbox.batch(100, images=1)
    outbox.sql("DELETE FROM receipts")
    outbox.sql("INSERT INTO receipts VALUES ('edge1', %s, %s, 'flush', 'i', UTC_TIMESTAMP(6))", last, first)
    outbox.forget_bounds()
    outbox.prune()
    assert outbox.content()["receipts"] == [last]


def test_the_bound_is_never_behind_what_was_pruned(outbox: PastOutbox) -> None:
    """Check it after each call, also within a long past that takes several calls."""
    for _ in range(3):
        outbox.batch(100, images=4000)
    last = outbox.batch(10, images=5)
    rows = outbox.number("SELECT COUNT(*) FROM invalidations")
    outbox.forget_bounds()
    calls = 0
    while outbox.sql(PRUNE, by=outbox.purger)[0][1]:
        calls += 1
        first_whole = outbox.number(
            """SELECT MIN(batch) FROM (
                SELECT batches.batch, size FROM batches LEFT JOIN invalidations ON invalidations.batch = batches.batch
                GROUP BY batches.batch, size HAVING COUNT(id) = size
            ) AS whole"""
        )
        assert outbox.number("SELECT pruned_batch FROM numbering") == first_whole - 1
        assert outbox.number("SELECT MIN(batch) FROM invalidations") == first_whole
    assert calls >= 3
    assert rows == 12_005
    assert set(outbox.content()["rows"]) == {last}


def test_where_the_bound_cannot_move_nothing_goes(outbox: PastOutbox) -> None:
    outbox.batch(100, images=3)
    outbox.batch(10, images=3)
    outbox.forget_bounds()
    outbox.admin.start_transaction()
    outbox.sql("SELECT * FROM numbering FOR UPDATE")
    # The server times out, not the client: a statement whose client is gone would go on once the row is unlocked.
    outbox.sql("SET SESSION innodb_lock_wait_timeout = 1", by=outbox.purger)
    with pytest.raises(mysql.connector.Error, match="Lock wait timeout"):
        outbox.sql(PRUNE, by=outbox.purger)
    outbox.admin.rollback()
    assert len(outbox.content()["rows"]) == 6
    assert len(outbox.content()["sightings"]) == 6


def place(connection: Connection, batch: int) -> Position:
    return Position(batch, str(Outbox(connection).position(batch)))


def test_rows_that_may_have_gone_are_not_taken_for_none(outbox: PastOutbox) -> None:
    """Read the bound of pruning after the rows."""
    old, young = outbox.batch(100, images=3), outbox.batch(10, images=3)
    outbox.forget_bounds()
    outbox.prune()
    connection = Connection(outbox.database.url("purger"), timeout=30)
    with pytest.raises(PrunedError):
        Outbox(connection).rows(old - 1, young)
    assert len(Outbox(connection).rows(old, young)) == 3
    # As for a poller that was cut off meanwhile: each edge has to judge by its own progress.
    assert Outbox(connection).take(place(connection, old - 1)).rows is None
    assert len(Outbox(connection).take(place(connection, old)).rows or ()) == 3
    connection.close()


def test_rows_that_go_while_they_are_read_are_noticed(outbox: PastOutbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prune between the two reads, as another purger may: the bound has to be read last."""
    old, young = outbox.batch(100, images=3), outbox.batch(10, images=3)
    outbox.forget_bounds()
    connection = Connection(outbox.database.url("purger"), timeout=30)
    with connection.cursor() as cursor:
        query, fetchall = cursor.execute, cursor.fetchall

        def between(statement: str, *values: Any, **options: Any) -> Any:
            done = query(statement, *values, **options)
            if "numbering" in statement:
                monkeypatch.setattr(cursor, "fetchall", fetchall)
                return done
            rows = fetchall()
            monkeypatch.setattr(cursor, "fetchall", lambda: rows)
            outbox.prune()
            return done

        monkeypatch.setattr(cursor, "execute", between)
        with pytest.raises(PrunedError):
            Outbox(connection).rows(old - 1, young)
    connection.close()


def test_a_clock_that_leaps_empties_nothing(outbox: PastOutbox) -> None:
    """Set the server's clock 40 days ahead after the last call: all batches seem that much older."""
    outbox.batch(70, images=3)
    kept = [outbox.batch(69 - day, images=1) for day in range(0, 60, 10)]
    outbox.sql(
        """UPDATE retention SET outbox_until = TIMESTAMPADD(DAY, -70, UTC_TIMESTAMP(6)),
        receipts_until = TIMESTAMPADD(DAY, -440, UTC_TIMESTAMP(6)),
        moved_at = TIMESTAMPADD(DAY, -40, UTC_TIMESTAMP(6))"""
    )
    for _ in range(20):
        outbox.prune()
    # 10 hours for the leap, and a minute for each second since.
    assert outbox.content()["rows"] == kept
    assert outbox.number("SELECT outbox_until < TIMESTAMPADD(DAY, -69, UTC_TIMESTAMP(6)) FROM retention") == 1
    outbox.sql("UPDATE retention SET moved_at = TIMESTAMPADD(DAY, 40, UTC_TIMESTAMP(6))")  # and back again
    outbox.prune()
    assert outbox.content()["rows"] == kept
    assert outbox.number("SELECT moved_at <= UTC_TIMESTAMP(6) FROM retention") == 1


def test_pruning_catches_up_by_the_minute(outbox: PastOutbox) -> None:
    outbox.batch(31, images=3)
    outbox.batch(1, images=1)
    outbox.sql(
        """UPDATE retention SET outbox_until = TIMESTAMPADD(HOUR, -1, TIMESTAMPADD(DAY, -31, UTC_TIMESTAMP(6))),
        moved_at = TIMESTAMPADD(MINUTE, -5, UTC_TIMESTAMP(6))"""
    )
    assert outbox.prune() == 3  # five minutes are five hours


def test_the_last_batch_stays_however_old(outbox: PastOutbox) -> None:
    """Keep the last batch: by its identity a purger sees whether the database has gone back."""
    outbox.batch(500, images=3)
    last = outbox.batch(500, bans=1, images=3)
    outbox.forget_bounds()
    assert outbox.prune() == 3
    outbox.prune()
    assert outbox.content()["batches"] == [last]
    assert outbox.sql(PRUNE, by=outbox.purger) == [(0, 0)]
    outbox.batch(1, images=1)
    outbox.forget_bounds()
    outbox.prune()
    assert last not in outbox.content()["batches"]


def test_what_was_passed_over_is_not_read_again(outbox: PastOutbox) -> None:
    for _ in range(3):
        outbox.batch(100, bans=20, images=1)
    outbox.forget_bounds()
    outbox.prune()
    reads = "SHOW SESSION STATUS LIKE 'Handler_read_next'"
    ((_, before),) = outbox.sql(reads, by=outbox.purger)
    assert outbox.sql(PRUNE, by=outbox.purger) == [(0, 0)]
    ((_, after),) = outbox.sql(reads, by=outbox.purger)
    assert int(str(after)) - int(str(before)) < 30, "the 60 bans that stay are read again"


def test_pruning_waits_for_no_open_transaction(outbox: PastOutbox) -> None:
    outbox.batch(100, bans=10, images=10)
    outbox.batch(1, images=1)
    outbox.forget_bounds()
    with connect(outbox.database.url("moderation"), timeout=30) as slow:
        slow.start_transaction()
        outbox.sql("INSERT INTO bans (scope, subject) VALUES ('image', 'open')", by=slow)
        # The transaction is open for as long as the call takes: waiting for it would end in an error.
        assert outbox.sql(PRUNE, by=outbox.purger)[0][0] == 10
        slow.commit()
