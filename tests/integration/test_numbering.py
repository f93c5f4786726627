"""Number changes in batches: a reader of all batches up to N misses no change, however late it was committed."""

import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from itertools import count
from typing import Any, NamedTuple

import mysql.connector
import pytest
from mysql.connector.abstracts import MySQLConnectionAbstract

from stack.database import Database
from takedown_db.connect import connect
from takedown_db.server_identity import read_server
from takedown_db.statements import statement
from tests.support.server_checks import needs_switch

_numbers = count(1)
NUMBER = "CALL number_invalidations_v2(NULL, @size, @more)"

#: Seconds to wait for a lock that is held forever: enough for slow work on a busy machine.
_IMPATIENCE = 20


@pytest.fixture
def connections(database: Database) -> Iterator["Connections"]:
    with Connections(database) as connections:
        connections.run("purger", "SELECT 1")
        connections.number_all()
        yield connections


class Connections(ExitStack):
    """Connections of a moderator, a purger and an administrator, and further ones as needed."""

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

    def number(self, after: int | None = None) -> int:
        """Call the numbering once, for ids beyond ``after`` if given. Returns the number of rows."""
        self.run("purger", "CALL number_invalidations_v2(%s, @size, @more)", after)
        return int(str(self.run("purger", "SELECT @size")[0][0]))

    def largest(self) -> int:
        """Return the largest committed id in the outbox."""
        return int(str(self.run("purger", "SELECT MAX(id) FROM invalidations")[0][0]))

    def number_all(self) -> None:
        while self.number() or self.run("purger", "SELECT @more") == [(1,)]:
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
    run(impatient, NUMBER)
    assert run(impatient, "SELECT @size") == [(len(others),)]
    slow.rollback()
    assert connections.number() == 0


def test_the_newest_is_numbered_at_once_although_a_bulk_waits(connections: Connections) -> None:
    moderator = connections.open("moderation")
    bulk, (single,) = new_codes(12_000), new_codes()
    ban(moderator, *bulk)
    ban(moderator, single)
    assert connections.number(connections.largest() - 1) == 1
    assert connections.number() == 2000
    assert connections.number(connections.largest() - 5000) == 500
    connections.number_all()
    first = connections.batch(single)
    assert first is not None
    assert [connections.batch(code) for code in (bulk[0], bulk[-1], bulk[2000])] == [first + 1, first + 2, first + 3]


def test_a_version_0_1_purger_goes_on_beside_this_one(connections: Connections) -> None:
    moderator = connections.open("moderation")
    old, new = new_codes(3), new_codes(3)
    ban(moderator, *old)
    ((head, size),) = connections.run("purger", "CALL number_invalidations_v1()")
    assert size == len(old)
    ban(moderator, *new)
    assert connections.number() == len(new)
    assert connections.batch(new[0]) == int(str(head)) + 1


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


@pytest.mark.parametrize("number", [NUMBER, "CALL number_invalidations_v1()"], ids=["this version", "version 0.1"])
def test_a_date_never_goes_back_whatever_the_clock_did(connections: Connections, number: str) -> None:
    ahead = "UPDATE numbering SET numbered_at = TIMESTAMPADD(DAY, 1, UTC_TIMESTAMP(6))"
    connections.run("admin", ahead)  # numbered a moment ago, by a clock that has been set back since
    ((before,),) = connections.run("purger", "SELECT numbered_at FROM numbering")
    (code,) = new_codes()
    ban(connections.open("moderation"), code)
    connections.run("purger", number)
    later = "SELECT numbered_at > %s FROM numbering"
    assert connections.run("purger", later, before) == [(1,)]
    changed = "SELECT changed_at > %s FROM changes WHERE scope = 'image' AND subject = %s"
    assert connections.run("purger", changed, before, code) == [(1,)]
    connections.run("admin", "UPDATE numbering SET numbered_at = UTC_TIMESTAMP(6)")


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
        run(connection, NUMBER)


FROZEN = """
import os
from takedown_db.connect import connect
connection = connect(os.environ["URL"], timeout=30)
cursor = connection.cursor()
print("ready", flush=True)
while True:
    cursor.execute("CALL number_invalidations_v2(NULL, @size, @more)")
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
                client.send_signal(19)  # SIGSTOP, at any point of its work
                ban(moderator, *new_codes(1))
                run(impatient, NUMBER)
                assert connections.batch(codes[-1]) is not None
                client.send_signal(18)  # SIGCONT
        finally:
            client.kill()


def test_without_the_lock_of_the_counter_nothing_is_numbered(connections: Connections) -> None:
    """Check the tests above: a client that does hold the counter's lock is noticed."""
    holder = connections.open("admin")
    holder.start_transaction()
    run(holder, "SELECT last_batch FROM numbering FOR UPDATE")
    ban(connections.open("moderation"), *new_codes())
    with pytest.raises(mysql.connector.Error) as error:
        run(connections.open("purger", timeout=1), NUMBER)
    assert error.value.errno in {1205, 2013}
    holder.rollback()
    connections.number_all()


class Taken(NamedTuple):
    """The results of take_invalidations_v2: the subjects of the first one, and the second one."""

    subjects: list[str]
    head: int
    pruned: int
    read_only: int
    more: int
    largest: int
    unnumberable: int
    identity: str
    adopted: str | None
    same: int


def take(
    connection: MySQLConnectionAbstract,
    known: int | None,
    after: int | None = None,
    wait: float = 0.0,
    *,
    identity: str | None = None,
    speaker: str | None = None,
) -> Taken:
    """Call take_invalidations_v2, by default with the identity that batch ``known`` has, for the server that it is."""
    with connection.cursor() as cursor:
        speaker = speaker or read_server(cursor)
        cursor.execute(statement("batch_identity"), {"batch": known or 0})
        rows: Any = cursor.fetchall()
        found = rows[0][0] if rows else None
        cursor.execute(
            "CALL take_invalidations_v2(%s, %s, %s, 8, %s, %s, 0.001)",
            (known, identity or found, speaker, after, wait),
        )
        subjects = [str(list(row)[3]) for row in cursor.fetchall()]
        cursor.nextset()
        outbox: Any = cursor.fetchall()[0]
        while cursor.nextset():
            pass
    return Taken(subjects, *outbox)


def test_one_call_waits_numbers_and_answers_the_rows(connections: Connections) -> None:
    waiting = connections.open("purger")
    first = take(waiting, None)
    head, largest = first.head, first.largest
    (code,) = new_codes()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(take, waiting, head, largest, 30.0)
        ban(connections.open("moderation"), code)
        found = answer.result()
    assert (found.subjects, found.head, found.same) == ([code], head + 1, 1)
    assert take(waiting, head + 1) == found._replace(subjects=[], largest=largest + 1)


def test_what_another_numbered_ends_the_wait(connections: Connections) -> None:
    waiting = connections.open("purger")
    first = take(waiting, None)
    head, largest = first.head, first.largest
    codes = new_codes(3)
    ban(connections.open("moderation"), *codes)
    assert connections.number() == len(codes)
    # Nothing is pending; beyond the ids there is nothing either.
    assert take(waiting, head, largest + len(codes), 30.0)[:2] == (codes, head + 1)


def test_a_wait_holds_no_transaction_open(connections: Connections) -> None:
    waiting = connections.open("purger")
    first = take(waiting, None)
    head, largest = first.head, first.largest
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(take, waiting, head, largest, 30.0)
        # With a lock time-out of 1 s this would fail behind a transaction that has the table.
        admin = connections.open("admin", timeout=1)
        run(admin, "ALTER TABLE invalidations COMMENT = 'altered'")
        ban(connections.open("moderation"), *new_codes())
        assert answer.result().head == head + 1


def test_nothing_is_numbered_for_one_who_knows_more_than_the_database(connections: Connections) -> None:
    purger = connections.open("purger")
    head = take(purger, None).head
    ban(connections.open("moderation"), *new_codes())
    assert take(purger, head + 1)[:2] == ([], head)
    assert connections.number() == 1


def test_nothing_is_numbered_for_one_who_knows_another_batch_of_this_number(connections: Connections) -> None:
    purger, codes = connections.open("purger"), new_codes(2)
    ban(connections.open("moderation"), codes[0])
    connections.number_all()
    head, identity = take(purger, None).head, take(purger, None).identity
    ban(connections.open("moderation"), codes[1])
    found = take(purger, head, identity="another")
    assert (found.head, found.identity, found.same) == (head, identity, 0)
    found = take(purger, head, identity=identity)
    assert (found.subjects, found.head, found.same) == ([codes[1]], head + 1, 1)


def test_nothing_is_numbered_through_another_server_than_the_adopted_one(connections: Connections) -> None:
    purger = connections.open("purger")
    first = take(purger, None)
    head, largest = first.head, first.largest
    ban(connections.open("moderation"), *new_codes())
    # With future ids alone there is nothing to number. The call does not wait either, so that an adoption shows soon.
    for after, seconds in ((None, 0.0), (largest + 1, 3600.0)):
        found = take(purger, head, after, seconds, speaker="server copy")
        assert (found.head, found.adopted, found.same) == (head, first.adopted, 1)
    assert take(purger, head).head == head + 1


def test_each_batch_has_an_identity_of_its_own(connections: Connections) -> None:
    moderator = connections.open("moderation")
    for number in ("number_invalidations_v1()", "number_invalidations_v2(NULL, @size, @more)") * 2:
        ban(moderator, *new_codes(2))
        connections.run("purger", f"CALL {number}")
    ((batches, identities, longest),) = connections.run(
        "purger", "SELECT COUNT(*), COUNT(DISTINCT identity), MAX(LENGTH(identity)) FROM batches"
    )
    assert batches == identities
    assert longest == 36
    assert (
        take(connections.open("purger"), None).identity
        == connections.run("purger", "SELECT identity FROM batches ORDER BY batch DESC LIMIT 1")[0][0]
    )


def test_rows_of_a_large_open_transaction_cost_a_fast_poll_nothing(connections: Connections) -> None:
    slow = connections.open("moderation")
    slow.start_transaction()
    ban(slow, *new_codes(20_000))
    purger = connections.open("purger")
    first = take(purger, None)
    head, largest = first.head, first.largest  # it reads uncommitted rows, so it knows the largest id
    (single,) = new_codes()
    ban(connections.open("moderation"), single)
    before = pages_read(purger)
    assert take(purger, head, largest).subjects == [single]
    assert pages_read(purger) - before < 5000
    before = pages_read(purger)
    take(purger, head + 1)
    assert pages_read(purger) - before > 20_000  # the control: a poll of all rows
    slow.rollback()


def pages_read(connection: MySQLConnectionAbstract) -> int:
    """Count the requests of the whole server for pages of its tables."""
    ((_, number),) = run(connection, "SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_read_requests'")
    return int(str(number))


MALFORMED = [("image", "two words"), ("image", "x" * 65), ("picture", "cat"), ("image", ""), ("owner", "a,b")]


@needs_switch
def test_malformed_rows_are_taken_out_and_the_rest_goes_on(connections: Connections) -> None:
    before = take(connections.open("purger"), None).unnumberable
    unchecked(connections, *MALFORMED)
    (good,) = new_codes()
    ban(connections.open("moderation"), good)
    connections.number_all()
    assert connections.batch(good) is not None
    left = connections.run("purger", "SELECT COUNT(*) FROM invalidations WHERE batch IS NULL")
    assert left == [(0,)]
    found = connections.run("purger", "SELECT scope, subject FROM unnumberable ORDER BY id")
    assert found[-len(MALFORMED) :] == MALFORMED
    assert take(connections.open("purger"), None).unnumberable == before + len(MALFORMED)


@needs_switch
def test_a_subject_with_spaces_after_it_is_purged_without_them(connections: Connections) -> None:
    """Ban with spaces after the subject: comparisons ignore them, so that such a ban hides the image."""
    (code,) = new_codes()
    unchecked(connections, ("image", f"{code} "))
    connections.number_all()
    assert connections.batch(code) is not None


def unchecked(connections: Connections, *rows: tuple[str, str]) -> None:
    """Write rows to the outbox as a session can that switches the checks off, before triggers refused it."""
    admin = connections.open("admin")
    run(admin, "SET SESSION check_constraint_checks = 0")
    triggers = run(
        admin,
        """SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()
        AND EVENT_OBJECT_TABLE = 'invalidations' AND ACTION_TIMING = 'BEFORE'""",
    )
    for (trigger,) in triggers:
        run(admin, f"DROP TRIGGER {trigger}")
    try:
        for scope, subject in rows:
            run(admin, "INSERT INTO invalidations (scope, subject, cause) VALUES (%s, %s, 'ban')", scope, subject)
    finally:
        if triggers:
            connections.database.migrate()
