"""Progress in the database goes back with a flush, and with nothing else."""

import threading
from collections.abc import Iterator

import pytest

from purger.link import Link
from purger.model import Standing
from purger.recorder import Recorder
from stack.database import Database


@pytest.fixture
def link(database: Database) -> Iterator[Link]:
    """The purger's connection, and an edge at batch 9."""
    with database.connect_admin() as connection, connection.cursor() as cursor:
        cursor.execute(
            """REPLACE INTO edges (name, purge_url, public_url, token_file, instance, acknowledged, rebounded)
            VALUES ('paris', 'http://p', 'http://q', '/t', 'one', 9, 9)"""
        )
    link = Link(database.url("purger"), timeout=30)
    yield link
    link.close()


def record(database: Database, *notes: tuple[int, bool]) -> None:
    """Have the recorder write progress once, after it was told of all of it: the batch, and whether it was a flush."""
    stopped = threading.Event()
    stopped.set()
    recorder = Recorder(Link(database.url("purger"), timeout=30), delay=0.0, stop=stopped, usable=lambda: True)
    for batch, flushed in notes:
        recorder.acknowledged("paris", Standing("one", batch, batch, "all"), flushed=flushed)
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
    database: Database, link: Link, notes: list[tuple[int, bool]], batch: int
) -> None:
    record(database, *notes)
    (edge,) = link.rows("edges")
    assert edge[5:7] == (batch, batch)
