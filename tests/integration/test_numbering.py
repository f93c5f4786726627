"""Batch numbers follow commits: what reads "everything up to batch N" misses nothing, however late it commits."""

import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from itertools import count
from typing import Any

import mysql.connector
import pytest
from mysql.connector.abstracts import MySQLConnectionAbstract

from database import connect
from stack.database import Database

_numbers = count(1)
_IMPATIENCE = 20  # seconds to wait for a lock that is held for ever, or for work that a busy machine does slowly


@pytest.fixture
def connections(database: Database) -> Iterator["Connections"]:
    with Connections(database) as connections:
        connections.run("purger", "SELECT 1")
        connections.number_all()
        yield connections


class Connections(ExitStack):
    """A moderator, a purger and an admin, and as many more as a test wants."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        self._open: dict[str, MySQLConnectionAbstract] = {}

    def open(self, account: str, timeout: int = 60) -> MySQLConnectionAbstract:
        url = self.database.admin_url() if account == "admin" else self.database.url(account)
        connection = connect(url, timeout=timeout)
        self.callback(connection.close)
        return connection

    def run(self, account: str, sql: str, *values: Any) -> list[tuple[object, ...]]:
        if account not in self._open:
            self._open[account] = self.open(account)
        return run(self._open[account], sql, *values)

    def number(self) -> int:
        """One call of the numbering; how many rows it numbered."""
        return int(str(self.run("purger", "CALL number_invalidations_v1()")[0][1]))

    def number_all(self) -> None:
        while self.number():
            pass

    def batch(self, code: str) -> int | None:
        (row,) = self.run("purger", "SELECT batch FROM invalidations WHERE scope = 'image' AND subject = %s", code)
        return None if row[0] is None else int(str(row[0]))


def run(connection: MySQLConnectionAbstract, sql: str, *values: Any) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[tuple[object, ...]] = [tuple(row) for row in cursor.fetchall()] if cursor.description else []
        while cursor.nextset():
            pass
    return rows


def ban(connection: MySQLConnectionAbstract, *codes: str) -> None:
    values = ", ".join(["('image', %s)"] * len(codes))
    run(connection, f"INSERT INTO bans (scope, subject) VALUES {values}", *codes)


def new_codes(number: int = 1) -> list[str]:
    return [f"code{next(_numbers)}" for _ in range(number)]


def test_a_row_that_commits_late_gets_a_later_number(connections: Connections) -> None:
    (late,), (early,) = new_codes(), new_codes()
    slow = connections.open("moderation")
    slow.start_transaction()
    ban(slow, late)  # takes the smaller id
    ban(connections.open("moderation"), early)
    connections.number_all()
    numbered = connections.batch(early)
    assert numbered is not None

    slow.commit()
    assert connections.number() == 1
    assert connections.batch(late) == numbered + 1


def test_an_open_transaction_neither_stops_nor_delays_the_rest(connections: Connections) -> None:
    bulk, others = new_codes(3000), new_codes(300)
    slow = connections.open("moderation")
    slow.start_transaction()
    ban(slow, *bulk)
    ban(connections.open("moderation"), *others)
    # A call that waited for the open transaction would fail with a lock time-out.
    impatient = connections.open("purger", timeout=_IMPATIENCE)
    assert run(impatient, "CALL number_invalidations_v1()")[0][1] == len(others)
    slow.rollback()
    assert connections.number() == 0


def test_the_newest_is_numbered_at_once_although_a_bulk_waits(connections: Connections) -> None:
    moderator = connections.open("moderation")
    bulk, (single,) = new_codes(12_000), new_codes()
    ban(moderator, *bulk)
    ban(moderator, single)
    assert connections.number() == 5200
    first = connections.batch(single)
    assert first is not None
    connections.number_all()
    assert connections.batch(bulk[-1000]) == first + 2


def test_numbers_and_dates_only_grow(connections: Connections) -> None:
    moderator = connections.open("moderation")
    for code in new_codes(20):
        ban(moderator, code)
        connections.number_all()
    (row,) = connections.run(
        "admin",
        """SELECT COUNT(*), SUM(numbered_at > previous) FROM (
            SELECT numbered_at, LAG(numbered_at) OVER (ORDER BY batch) AS previous FROM batches
        ) AS pairs WHERE previous IS NOT NULL""",
    )
    assert row[0] == row[1]


def test_a_change_is_dated_when_it_is_numbered(connections: Connections) -> None:
    (code,) = new_codes()
    ban(connections.open("moderation"), code)
    query = "SELECT changed_at FROM changes WHERE scope = 'image' AND subject = %s"
    assert connections.run("purger", query, code) == []
    connections.number_all()
    assert connections.run("purger", query, code) == connections.run("purger", "SELECT numbered_at FROM numbering")


def test_concurrent_writers_and_numberers_lose_and_double_nothing(connections: Connections) -> None:
    codes = new_codes(600)
    committed: list[str] = []
    writing = threading.Event()
    with ThreadPoolExecutor(7) as pool:
        numberers = [pool.submit(number_until, connections.open("purger"), writing) for _ in range(3)]
        writers = [pool.submit(write, connections.open("moderation"), codes[part::4], committed) for part in range(4)]
        wait(writers)
        writing.set()
        for thread in (*writers, *numberers):
            thread.result()
    connections.number_all()

    assert 0 < len(committed) < len(codes)
    marks = ", ".join(["%s"] * len(codes))
    found = connections.run(
        "purger", f"SELECT subject FROM invalidations WHERE subject IN ({marks}) AND batch > 0", *codes
    )
    assert sorted(str(subject) for (subject,) in found) == sorted(committed)
    wrong = connections.run(
        "purger",
        """SELECT batches.batch FROM batches LEFT JOIN invalidations ON invalidations.batch = batches.batch
        GROUP BY batches.batch, batches.size HAVING batches.size <> COUNT(invalidations.id)""",
    )
    assert wrong == []


def write(connection: MySQLConnectionAbstract, codes: list[str], committed: list[str]) -> None:
    """Ban the codes one transaction each; every fourth is rolled back."""
    chance = random.Random(len(codes))
    for number, code in enumerate(codes):
        connection.start_transaction()
        ban(connection, code)
        if chance.random() < 0.5:
            run(connection, "SELECT COUNT(*) FROM bans")  # keeps it open a little longer
        if number % 4 == 3:
            connection.rollback()
        else:
            connection.commit()
            committed.append(code)


def number_until(connection: MySQLConnectionAbstract, done: threading.Event) -> None:
    while not done.is_set():
        run(connection, "CALL number_invalidations_v1()")


FROZEN = """
import os
from database import connect
connection = connect(os.environ["URL"], timeout=30)
cursor = connection.cursor()
print("ready", flush=True)
while True:
    cursor.execute("CALL number_invalidations_v1()")
    cursor.fetchall()
    while cursor.nextset():
        pass
"""


def test_a_frozen_client_holds_no_lock(connections: Connections) -> None:
    moderator, impatient = connections.open("moderation"), connections.open("purger", timeout=_IMPATIENCE)
    environment = {**os.environ, "URL": connections.database.url("purger")}
    with subprocess.Popen([sys.executable, "-c", FROZEN], env=environment, stdout=subprocess.PIPE) as client:
        try:
            assert client.stdout is not None
            assert client.stdout.readline() == b"ready\n"
            for _ in range(25):
                codes = new_codes(100)
                ban(moderator, *codes)
                client.send_signal(19)  # SIGSTOP, at whatever it is doing
                ban(moderator, *new_codes(1))
                run(impatient, "CALL number_invalidations_v1()")
                assert connections.batch(codes[-1]) is not None
                client.send_signal(18)  # SIGCONT
        finally:
            client.kill()


def test_pruning_takes_whole_batches_and_moves_the_mark(connections: Connections) -> None:
    moderator = connections.open("moderation")
    old, (new,) = new_codes(3), new_codes()
    ban(moderator, *old)
    connections.number_all()
    ((boundary,),) = connections.run("purger", "SELECT numbered_at FROM numbering")
    last_old = connections.batch(old[0])
    ban(moderator, new)
    connections.number_all()
    (unnumbered,) = new_codes()
    ban(moderator, unnumbered)

    cut = "CALL prune_outbox_v1(TIMESTAMPADD(MICROSECOND, 1, %s))"
    while connections.run("purger", cut, boundary) != [(0,)]:
        pass
    assert connections.run("purger", "SELECT pruned_batch FROM numbering") == [(last_old,)]
    assert connections.run("purger", "SELECT COUNT(*) FROM invalidations WHERE batch <= %s", last_old) == [(0,)]
    assert connections.run("purger", "SELECT COUNT(*) FROM batches WHERE batch <= %s", last_old) == [(0,)]
    assert connections.batch(new) is not None
    assert connections.batch(unnumbered) is None


def test_pruning_waits_for_no_open_transaction(connections: Connections) -> None:
    slow = connections.open("moderation")
    slow.start_transaction()
    ban(slow, *new_codes(10))
    ban(connections.open("moderation"), *new_codes(10))
    connections.number_all()
    impatient = connections.open("purger", timeout=_IMPATIENCE)
    run(impatient, "CALL prune_outbox_v1(TIMESTAMPADD(DAY, 1, UTC_TIMESTAMP(6)))")
    slow.commit()
    assert connections.number() == 10


def test_without_the_lock_of_the_counter_nothing_is_numbered(connections: Connections) -> None:
    """The control of the tests above: a client that does hold the counter's lock is noticed."""
    holder = connections.open("admin")
    holder.start_transaction()
    run(holder, "SELECT last_batch FROM numbering FOR UPDATE")
    ban(connections.open("moderation"), *new_codes())
    with pytest.raises(mysql.connector.Error) as error:
        run(connections.open("purger", timeout=1), "CALL number_invalidations_v1()")
    assert error.value.errno in {1205, 2013}
    holder.rollback()
    connections.number_all()
