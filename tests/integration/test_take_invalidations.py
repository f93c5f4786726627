"""Poll by one call: it waits for changes, numbers them and returns them, for the adopted server and a known batch."""

from concurrent.futures import ThreadPoolExecutor

from mysql.connector.abstracts import MySQLConnectionAbstract

from tests.support.outbox_connections import Connections, ban, new_codes, run, take


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
