"""Number changes in batches: a reader of all batches up to N misses no change, however late it was committed."""

import os
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait

import mysql.connector
import pytest
from mysql.connector.abstracts import MySQLConnectionAbstract

from tests.support.database.outbox_connections import NUMBER, Connections, ban, new_codes, run

#: Seconds to wait for a lock that is held forever: enough for slow work on a busy machine.
_IMPATIENCE = 20


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


def test_rows_of_an_open_transaction_between_others_and_behind_them_are_passed_over(connections: Connections) -> None:
    """An UPDATE of a range of ids would wait for either of them, with the counter locked."""
    first, between, last, behind = new_codes(4)
    moderator, slow = connections.open("moderation"), connections.open("moderation")
    ban(moderator, first)
    slow.start_transaction()
    ban(slow, between)
    ban(moderator, last)
    ban(slow, behind)
    impatient = connections.open("purger", timeout=_IMPATIENCE)
    run(impatient, NUMBER)
    assert run(impatient, "SELECT @size") == [(2,)]
    slow.commit()
    assert connections.number() == 2
    batches = [connections.batch(code) or 0 for code in (first, last, between, behind)]
    assert batches == [batches[0], batches[0], batches[0] + 1, batches[0] + 1]


def test_an_open_transaction_behind_many_rows_is_passed_over(connections: Connections) -> None:
    codes, (behind,) = new_codes(50), new_codes()
    ban(connections.open("moderation"), *codes)
    slow = connections.open("moderation")
    slow.start_transaction()
    ban(slow, behind)
    impatient = connections.open("purger", timeout=_IMPATIENCE)
    run(impatient, NUMBER)
    assert run(impatient, "SELECT @size") == [(len(codes),)]
    slow.rollback()


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


def test_a_server_that_cuts_long_arrays_cuts_no_list_of_ids(connections: Connections) -> None:
    ban(connections.open("moderation"), *new_codes(2000))
    client = connections.open("purger")
    run(client, "SET SESSION group_concat_max_len = 1024")
    run(client, NUMBER)
    assert run(client, "SELECT @size, @more") == [(2000, 1)]
    connections.number_all()


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


def test_a_date_never_goes_back_whatever_the_clock_did(connections: Connections) -> None:
    ahead = "UPDATE numbering SET numbered_at = TIMESTAMPADD(DAY, 1, UTC_TIMESTAMP(6))"
    connections.run("admin", ahead)  # numbered a moment ago, by a clock that has been set back since
    ((before,),) = connections.run("purger", "SELECT numbered_at FROM numbering")
    (code,) = new_codes()
    ban(connections.open("moderation"), code)
    connections.number_all()
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
from takedown_db.connection.connect import connect
connection = connect(os.environ["URL"], timeout=30)
cursor = connection.cursor()
print("ready", flush=True)
while True:
    cursor.execute("CALL number_invalidations(NULL, NULL, @size, @more)")
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
    impatient = connections.open("purger")
    run(impatient, "SET SESSION innodb_lock_wait_timeout = 1")
    with pytest.raises(mysql.connector.Error) as error:
        run(impatient, NUMBER)
    assert error.value.errno == 1205
    holder.rollback()
    connections.number_all()
