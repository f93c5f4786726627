"""Poll by one call: it waits for changes, numbers them and returns them, for the adopted server and a known batch."""

import time
from concurrent.futures import ThreadPoolExecutor

from mysql.connector.abstracts import MySQLConnectionAbstract

from purger.outbox.outbox import Outbox, Taken
from stack.processes.waiting import wait_until
from takedown_db.connection.lasting_connection import Connection
from tests.support.database.outbox_connections import Connections, ban, new_codes, run, take

#: Seconds that a call waits when nothing ends the wait: no slow machine takes half of it for anything else here.
_LONG = 60.0

#: The statements that run, those of procedures too.
_RUNNING = "SELECT INFO FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID()"


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


def test_a_row_that_commits_during_the_wait_is_found_although_later_ids_are_numbered(connections: Connections) -> None:
    waiting, (late, early) = connections.open("purger"), new_codes(2)
    first = take(waiting, None)
    slow = connections.open("moderation")
    slow.start_transaction()
    ban(slow, late)  # takes the lesser id
    ban(connections.open("moderation"), early)
    found = take(waiting, first.head, first.largest)
    assert found.subjects == [early]
    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(take, waiting, found.head, first.largest, _LONG)
        slow.commit()
        assert answer.result().subjects == [late]
    assert time.monotonic() - began < _LONG / 2


def test_a_transaction_that_is_rolled_back_does_not_end_the_wait_and_the_next_row_does(
    connections: Connections,
) -> None:
    waiting, (undone, real) = connections.open("purger"), new_codes(2)
    first = take(waiting, None)
    moderator = connections.open("moderation")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(take, waiting, first.head, first.largest, _LONG)
        moderator.start_transaction()
        ban(moderator, undone)
        moderator.rollback()
        ban(moderator, real)
        assert answer.result().subjects == [real]


def test_a_wait_reads_the_newest_id_alone_whatever_the_size_of_the_outbox(connections: Connections) -> None:
    ban(connections.open("moderation"), *new_codes(10_000))
    connections.number_all()
    purger = connections.open("purger")
    first = take(purger, None)
    before = rows_read(purger)
    take(purger, first.head, first.largest, 0.5)
    assert rows_read(purger) - before < 10 * 500  # at most 500 steps of 1 ms
    before = rows_read(purger)
    take(purger, first.head, 0)
    assert rows_read(purger) - before > 10_000  # the control: one look at all of them


def test_a_wait_looks_once_a_step_within_one_statement(connections: Connections) -> None:
    """Count reads of indexes: 31 steps of 1 ms look up a key each, and only the outer loop reads the last key.

    A call that is held up for 30 ms before its first look takes no step, and is made again.
    """
    purger = connections.open("purger")
    first = take(purger, None)

    def reads(seconds: float) -> tuple[int, int]:
        before = keys_read(purger)
        take(purger, first.head, first.largest, seconds)
        after = keys_read(purger)
        lookups, looks = (after[kind] - before[kind] for kind in ("Handler_read_key", "Handler_read_last"))
        return lookups, looks

    def looked_once_a_step() -> bool:
        (lookups, looks), (lookups_before, looks_before) = reads(0.03), reads(0.0)
        return lookups - lookups_before >= 31 and looks - looks_before == 1

    wait_until(looked_once_a_step, "31 steps within one statement")


def test_a_row_of_an_open_transaction_is_looked_at_again_and_again(connections: Connections) -> None:
    """The steps within one statement, which read a table of them, wait only for larger ids, and not for its commit."""
    purger, slow = connections.open("purger"), connections.open("moderation")
    first = take(purger, None)
    slow.start_transaction()
    ban(slow, *new_codes())

    def steps() -> int:
        before = keys_read(purger)["Handler_read_rnd_next"]
        take(purger, first.head, first.largest, 0.03)
        return keys_read(purger)["Handler_read_rnd_next"] - before

    # A call that is held up for 30 ms before its first look takes no step at all, open transaction or not.
    while_open = max(steps() for _ in range(5))
    slow.rollback()
    wait_until(lambda: steps() - while_open >= 31, "31 steps within one statement")


def test_the_largest_id_is_that_of_the_beginning_committed_or_not(connections: Connections) -> None:
    """Otherwise the next call would not look at a row that came during the wait, and commits later."""
    purger, slow = connections.open("purger"), connections.open("moderation")
    before = take(purger, None)
    slow.start_transaction()
    ban(slow, *new_codes(5))
    assert take(purger, None).largest >= before.largest + 5
    slow.rollback()
    first = take(purger, None)

    def waits() -> bool:
        return any("User sleep" in row for row in connections.run("admin", "SHOW PROCESSLIST"))

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(take, purger, first.head, first.largest, _LONG)
        wait_until(waits, "the call has begun to wait")
        ban(connections.open("moderation"), *new_codes())
        assert answer.result().largest == first.largest


def test_a_call_numbers_no_more_batches_than_it_is_asked_for(connections: Connections) -> None:
    purger, codes = connections.open("purger"), new_codes(4500)
    first = take(purger, None)
    ban(connections.open("moderation"), *codes)
    found = take(purger, first.head)
    assert (found.subjects, found.more) == (codes[:2000], 1)
    assert connections.number() == 2000


def test_a_bulk_is_numbered_and_answered_batch_after_batch_in_one_call(connections: Connections) -> None:
    connection = Connection(connections.database.url("purger"), timeout=60, adopted=True)
    connections.callback(connection.close)
    outbox, codes, found = Outbox(connection), new_codes(4500), list[Taken]()
    first = outbox.take(None)
    ban(connections.open("moderation"), *codes)
    last = outbox.take_bulk(first.head, found.append)
    assert [(taken.more, len(taken.rows or ())) for taken in found] == [(True, 2000), (True, 2000), (False, 500)]
    assert [taken.known for taken in found] == [first.head, found[0].head, found[1].head]
    assert [taken.identities.keys() for taken in found] == [{taken.head.batch} for taken in found]
    assert [row.subject for taken in found for row in taken.rows or ()] == codes
    assert last is found[-1]


def test_a_single_row_is_dated_like_many(connections: Connections) -> None:
    purger, (code,) = connections.open("purger"), new_codes()
    first = take(purger, None)
    ahead = "UPDATE numbering SET numbered_at = TIMESTAMPADD(DAY, 1, UTC_TIMESTAMP(6))"
    connections.run("admin", ahead)  # by a clock that has been set back since
    ((before,),) = connections.run("purger", "SELECT numbered_at FROM numbering")
    ban(connections.open("moderation"), code)
    assert take(purger, first.head, first.largest).subjects == [code]
    rows = connections.run(
        "purger",
        "SELECT changed_at > %s, changes.batch, size, changed_at = numbering.numbered_at, numbering.last_batch"
        " FROM changes JOIN numbering JOIN batches ON batches.batch = changes.batch WHERE subject = %s",
        before,
        code,
    )
    assert rows == [(1, first.head + 1, 1, 1, first.head + 1)]
    connections.run("admin", "UPDATE numbering SET numbered_at = UTC_TIMESTAMP(6)")


def test_what_another_numbered_ends_the_wait(connections: Connections) -> None:
    waiting = connections.open("purger")
    first = take(waiting, None)
    head, largest = first.head, first.largest
    codes = new_codes(3)
    ban(connections.open("moderation"), *codes)
    assert connections.number() == len(codes)
    # Nothing is pending; beyond the ids there is nothing either.
    began = time.monotonic()
    assert take(waiting, head, largest + len(codes), _LONG)[:2] == (codes, head + 1)
    assert time.monotonic() - began < _LONG / 2


def test_a_row_that_another_numbers_at_this_moment_is_waited_for(connections: Connections) -> None:
    """Its number is not committed, so no row is new. Otherwise its batch would be found when all steps are over."""
    waiting, numbering = connections.open("purger"), connections.open("admin")
    first = take(waiting, None)
    ban(connections.open("moderation"), *new_codes())
    numbering.start_transaction()
    run(numbering, "SELECT last_batch FROM numbering FOR UPDATE")
    run(numbering, f"UPDATE invalidations SET batch = {first.head + 1} WHERE id = {first.largest + 1}")

    def waits_for_the_counter() -> bool:
        return any("last_batch" in str(row) and "FOR UPDATE" in str(row) for row in connections.run("admin", _RUNNING))

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(take, waiting, first.head, first.largest, _LONG)
        wait_until(waits_for_the_counter, "the call waits for the counter")
        numbering.rollback()
        assert answer.result().head == first.head + 1


def test_a_wait_holds_no_transaction_open(connections: Connections) -> None:
    waiting = connections.open("purger")
    first = take(waiting, None)
    head, largest = first.head, first.largest
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(take, waiting, head, largest, 30.0)
        # With a time-out of 10 s this would fail behind a transaction that has the table for 30 s.
        admin = connections.open("admin", timeout=10)
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
    # With only future ids there is nothing to number. The call does not wait either, so that an adoption shows soon.
    for after, seconds in ((None, 0.0), (largest + 1, 3600.0)):
        found = take(purger, head, after, seconds, speaker="server copy")
        assert (found.head, found.adopted, found.same) == (head, first.adopted, 1)
    assert take(purger, head).head == head + 1


def test_each_batch_has_an_identity_of_its_own(connections: Connections) -> None:
    moderator = connections.open("moderation")
    for _ in range(4):
        ban(moderator, *new_codes(2))
        connections.number_all()
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
    moderator = connections.open("moderation")

    def cost() -> int:
        nonlocal head
        (single,) = new_codes()
        ban(moderator, single)
        before = pages_read(purger)
        found = take(purger, head, largest)
        assert found.subjects == [single]
        head = found.head
        return pages_read(purger) - before

    # Threads of the server that purge old rows or read statistics count too, while a poll is held up.
    wait_until(lambda: cost() < 5000, "a poll that reads few pages")
    before = pages_read(purger)
    take(purger, head)
    assert pages_read(purger) - before > 20_000  # the control: a poll of all rows
    slow.rollback()


def pages_read(connection: MySQLConnectionAbstract) -> int:
    """Count the requests of the whole server for pages of its tables."""
    ((_, number),) = run(connection, "SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_read_requests'")
    return int(str(number))


def keys_read(connection: MySQLConnectionAbstract) -> dict[str, int]:
    """Count the reads of indexes by this session, by their kind."""
    found = run(connection, "SHOW SESSION STATUS LIKE 'Handler_read%'")
    return {str(kind): int(str(number)) for kind, number in found}


def rows_read(connection: MySQLConnectionAbstract) -> int:
    """Count the rows and keys that this session has read."""
    return sum(keys_read(connection).values())
