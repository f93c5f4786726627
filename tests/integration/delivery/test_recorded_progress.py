"""Record progress in the database: it decreases only by a flush, and never exceeds the last batch."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from purger.model import Edge, ProbeResult, Receipt, Row, SavedProgress, probe_result_of
from purger.records.recorder import Recorder
from stack.databases.database import Database
from takedown_db.connection.lasting_connection import Connection

PARIS = Edge("paris", "http://p", "http://q", "/t")


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """Connect as the purger, with an edge at batch 9."""
    with database.connect_admin() as admin, admin.cursor() as cursor:
        cursor.execute(
            """REPLACE INTO edges (name, purge_url, public_url, token_file, instance, acknowledged, rebounded,
                rebounded_later, rebounded_last)
            VALUES ('paris', 'http://p', 'http://q', '/t', 'one', 9, 9, 9, 9)"""
        )
        for statement in ("DELETE FROM receipts", "DELETE FROM sightings", "DELETE FROM invalidations"):
            cursor.execute(statement)
        cursor.execute("UPDATE numbering SET last_batch = 45")
    connection = Connection(database.url("purger"), timeout=30)
    yield connection
    connection.close()


def record(database: Database, *notes: tuple[int, bool]) -> None:
    """Let a recorder write, in one go, progress given as batches and whether each was a flush."""
    stopped = threading.Event()
    stopped.set()
    recorder = Recorder(Connection(database.url("purger"), timeout=30), delay=0.0, stop=stopped, usable=lambda: True)
    for batch, flushed in notes:
        recorder.acknowledged("paris", SavedProgress("one", batch, batch, batch, batch, "all"), flushed=flushed)
    recorder.start()
    recorder.join()


@pytest.mark.parametrize(
    ("notes", "batch"),
    [
        ([(4, True)], 4),
        ([(4, True), (5, False)], 5),
        ([(11, False), (4, True)], 4),
        ([(4, False)], 9),
        ([(11, False)], 11),
    ],
)
def test_a_flush_counts_whatever_was_told_with_it(
    database: Database, connection: Connection, notes: list[tuple[int, bool]], batch: int
) -> None:
    record(database, *notes)
    (edge,) = connection.rows("enabled_edges", purger=None)
    assert edge[8:12] == (batch, batch, batch, batch)


class Notes:
    """Has a recorder write what it was told once, to a database that has gone back so many times."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.setbacks = 0
        self._stop = threading.Event()
        self._stop.set()
        self.recorder = self.new_recorder(lambda: self.setbacks)

    def new_recorder(self, setbacks: Callable[[], int]) -> Recorder:
        connection = Connection(self._database.url("purger"), timeout=30)
        return Recorder(connection, delay=0.0, stop=self._stop, usable=lambda: True, setbacks=setbacks)

    def tell(
        self, last: int, *probe_results: ProbeResult, setbacks: int = 0, flush: int = 0, flushed: bool = False
    ) -> None:
        """Report an acknowledgement of the batches from 44 on up to ``last``, one by one."""
        receipts = [Receipt("paris", batch, batch, "purge", "one", 1.0) for batch in range(44, last + 1)]
        self.recorder.acknowledged(
            "paris",
            SavedProgress("one", last, last, last, last, "all", flush_done=flush),
            receipts=receipts,
            probe_results=probe_results,
            flushed=flushed,
            setbacks=setbacks,
        )

    def write(self) -> None:
        self.recorder.start()
        self.recorder.join()

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        with self._database.connect_admin() as connection, connection.cursor() as cursor:
            cursor.execute(text)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def written(self) -> tuple[Any, list[Any], list[Any]]:
        """Read the progress, the batches of receipts, and the changes with a probe result."""
        return (
            self.sql("SELECT acknowledged FROM edges WHERE name = 'paris'")[0][0],
            [batch for (batch,) in self.sql("SELECT batch FROM receipts ORDER BY batch")],
            [row for (row,) in self.sql("SELECT invalidation FROM sightings ORDER BY invalidation")],
        )

    def row(self, subject: str) -> int:
        """Insert a row into the outbox. Returns its id."""
        self.sql(f"INSERT INTO invalidations (scope, subject, cause) VALUES ('image', '{subject}', 'ban')")
        return int(self.sql("SELECT MAX(id) FROM invalidations")[0][0])


@pytest.fixture
def notes(database: Database, connection: Connection) -> Notes:
    assert connection.rows("last_batch") == [(45,)]
    return Notes(database)


def gone(invalidation: int, subject: str) -> ProbeResult:
    return probe_result_of(PARIS, Row(invalidation, 44, "image", subject, "ban"), at=1.0, status=410, gone=True)


def test_notes_of_what_a_database_never_came_to_are_not_written(notes: Notes) -> None:
    kept, reused = notes.row("kept"), notes.row("new")
    notes.tell(48, gone(kept, "kept"), gone(reused, "lost"), gone(reused + 1, "lost"))
    notes.write()
    assert notes.written() == (45, [44, 45], [kept])


def test_notes_from_before_a_setback_are_not_written_however_far_it_has_numbered_since(notes: Notes) -> None:
    first, second = notes.row("again"), notes.row("again")
    notes.sql("UPDATE numbering SET last_batch = 48")
    notes.sql("UPDATE edges SET flush_asked = 2, flush_done = 1, epoch = NULL")
    notes.tell(48, gone(first, "again"), flush=3)
    notes.recorder.probed(gone(second, "again"))
    notes.recorder.alive("paris", seen_at=5.0, epoch="1700000000.000", problem=None)
    notes.setbacks = 1
    notes.write()
    assert notes.written() == (9, [], [])
    # The last flush request that was carried out, and that this database knows, stays; the heartbeat was another one's.
    found = notes.sql("SELECT flush_done, epoch, UNIX_TIMESTAMP(seen_at) FROM edges WHERE name = 'paris'")
    assert found == [(2, None, 5)]


def test_notes_of_who_has_not_noticed_a_setback_are_not_written(notes: Notes) -> None:
    first, second, new = (notes.row(subject) for subject in ("again", "again", "new"))
    notes.setbacks = 1
    notes.recorder.probed(gone(new, "new"), setbacks=1)
    notes.tell(45, gone(first, "again"))
    notes.recorder.probed(gone(second, "again"))
    notes.write()
    assert notes.written() == (9, [], [new])


def test_the_flush_that_a_setback_means_is_recorded(notes: Notes) -> None:
    kept = notes.row("kept")
    notes.tell(48, gone(kept, "kept"))
    notes.setbacks = 1
    notes.tell(4, setbacks=1, flushed=True)
    notes.tell(48)
    notes.write()
    assert notes.written() == (4, [], [])


def test_a_setback_that_is_found_while_notes_are_written_undoes_it(notes: Notes) -> None:
    counts = iter((0, 1))
    notes.recorder = notes.new_recorder(lambda: next(counts))
    notes.tell(44)
    notes.write()
    assert notes.written() == (9, [], [])


def test_many_edges_are_written_at_once_each_with_its_own(notes: Notes) -> None:
    others = ["lima", "oslo", "rome"]
    for name in others:
        notes.sql(
            f"""REPLACE INTO edges (name, purge_url, public_url, token_file, instance, acknowledged, epoch)
            VALUES ('{name}', 'http://p', 'http://q', '/t', 'one', 7, '2023-11-14 22:13:20')"""
        )
    problem = 'refused: it can\'t say "no" \\ zu Tür, 100 %(s)'
    notes.recorder.alive("rome", seen_at=None, epoch=None, problem=problem)
    notes.recorder.alive("paris", seen_at=5.25, epoch="1700000001.125", problem=None)
    notes.recorder.alive("nowhere", seen_at=5.0, epoch=None, problem=None)
    notes.recorder.acknowledged("oslo", SavedProgress("two", 5, 4, 3, 2, None, flushed_at=1.5))
    notes.recorder.acknowledged("lima", SavedProgress("one", 5, 4, 3, 2, "all"))
    notes.tell(45)
    notes.write()
    found = notes.sql(
        """SELECT name, acknowledged, instance, triggers, UNIX_TIMESTAMP(flushed_at), UNIX_TIMESTAMP(seen_at),
            UNIX_TIMESTAMP(epoch), problem
        FROM edges ORDER BY name"""
    )
    notes.sql("DELETE FROM edges WHERE name IN ('lima', 'oslo', 'rome')")
    assert [tuple(str(value) for value in row) for row in found] == [
        ("lima", "7", "one", "all", "None", "None", "1700000000.000", "None"),
        ("oslo", "5", "two", "None", "1.500", "None", "1700000000.000", "None"),
        ("paris", "45", "one", "all", "None", "5.250", "1700000001.125", "None"),
        ("rome", "7", "one", "None", "None", "None", "1700000000.000", problem),
    ]
