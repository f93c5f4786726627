"""Set the database back under the purger: it flushes the edges, and records nothing of the lost batches."""

import json

import pytest

from stack.processes.waiting import wait_until
from takedown_db.connection.lasting_connection import Connection
from tests.support.edges.fleet import Fleet


def test_a_database_that_went_back_means_a_flush(fleet: Fleet) -> None:
    fleet.ban()
    fleet.settle()
    head = fleet.head()
    fleet.go_back()
    fleet.logged("the database has gone back from batch")
    fleet.logged("edge edge1 is flushed: the database has gone back")
    wait_until(lambda: fleet.number("SELECT acknowledged FROM edges") == head - 1, "progress goes back with the flush")
    code = fleet.ban()
    fleet.settle()
    assert fleet.sql("SELECT batch FROM invalidations WHERE subject = %s", code) == [(head,)]


def test_a_database_that_went_back_and_has_numbered_other_rows_means_a_flush(fleet: Fleet) -> None:
    fleet.ban()
    fleet.settle()
    head = fleet.head()
    fleet.purger.pause()
    try:
        fleet.go_back()
        fleet.ban()
    finally:
        fleet.purger.resume()
    fleet.logged("edge edge1 is flushed: the database has gone back")
    fleet.settle()
    assert fleet.head() == head


@pytest.mark.parametrize("numbered", [False, True])
def test_a_backup_that_was_restored_while_no_purger_ran_means_a_flush(fleet: Fleet, numbered: bool) -> None:
    fleet.ban()
    fleet.settle()
    head = fleet.head()
    fleet.purger.stop()
    fleet.purger.start()
    fleet.edge.wait_trusted()
    fleet.purger.stop()
    assert "flushed" not in fleet.log()
    fleet.go_back()
    if numbered:
        fleet.ban()
        fleet.sql("CALL number_invalidations(NULL, NULL, @size, @more)")
    assert fleet.head() == head - (not numbered)
    # Where the number was given again, status cannot tell.
    assert (f"were told batch {head}, and this database has given" in fleet.purger.run("status").stdout) is not numbered
    fleet.purger.start()
    fleet.logged("is none of this database")
    fleet.edge.wait_trusted()
    fleet.settle()


def test_progress_in_the_database_never_goes_back_within_one_instance(fleet: Fleet) -> None:
    fleet.ban()
    fleet.settle()
    fleet.purger.stop()
    ((instance, triggers, head),) = fleet.sql("SELECT instance, triggers, acknowledged FROM edges")
    late = {"name": "edge1", "instance": instance, "triggers": triggers, "acknowledged": 0, "rebounded": 0}
    late |= {"flush_done": 0, "rebounded_later": 0, "rebounded_last": 0, "flushed_at": None}
    connection = Connection(fleet.database.url("purger"), timeout=60)

    def record(*, flushed: bool = False, **changed: object) -> None:
        connection.run("record_progress", rows=json.dumps([late | changed | {"flushed": int(flushed)}]))

    record()
    assert fleet.sql("SELECT acknowledged, rebounded FROM edges") == [(head, head)]
    record(instance="other")
    assert fleet.sql("SELECT acknowledged, rebounded, instance FROM edges") == [(0, 0, "other")]
    record(instance="other", acknowledged=3, rebounded=3)
    record(instance="other", flushed=True)
    assert fleet.sql("SELECT acknowledged, rebounded FROM edges") == [(0, 0)]
    connection.close()
    fleet.purger.start()
    fleet.edge.wait_trusted()


def test_what_waits_to_be_written_when_the_database_goes_back_makes_no_receipt_of_another_ban(fleet: Fleet) -> None:
    fleet.settle()
    with fleet.connect_admin() as holding, holding.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("SELECT name FROM edges FOR UPDATE")
        cursor.fetchall()
        before = fleet.purges()
        fleet.ban()
        wait_until(lambda: fleet.purges() == before + 2, "the edge has been told, and the database has not")
        head = fleet.head()
        fleet.go_back()
        fleet.logged("the database has gone back from batch")
        fleet.ban()
        wait_until(lambda: fleet.head() == head, "the number is given again")
        holding.rollback()
    fleet.settle()
    # The receipt of the lost ban names the batch of the new one, at a time before that was numbered.
    times = """SELECT receipts.acknowledged_at > batches.numbered_at
        FROM batches JOIN receipts ON batches.batch BETWEEN receipts.first_batch AND receipts.batch
        WHERE batches.batch = %s"""
    assert {true for (true,) in fleet.sql(times, head)} == {1}
