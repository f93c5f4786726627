"""Run ``purger run`` on real edges and a real database, and stop each of these in turn."""

import socket
import threading
from contextlib import suppress
from itertools import count

import pytest

from stack.edge import Edge
from stack.purger import Purger
from stack.waiting import PATIENCE, wait_until
from takedown_db.lasting_connection import Connection
from tests.support.check_constraints import needs_switch
from tests.support.fleet import LEASE, PATIENT, Fleet
from tests.support.misbehaving_listeners import raw_listener

_numbers = count(1)


def test_a_ban_is_a_purge_with_a_rebound_one_receipt_and_progress(fleet: Fleet) -> None:
    before = fleet.purges()
    code = fleet.ban()
    fleet.settle()
    assert fleet.purges() == before + 2
    rows = fleet.sql(
        """SELECT receipts.method, receipts.instance = edges.instance, receipts.batch, receipts.first_batch
        FROM invalidations JOIN receipts ON receipts.batch = invalidations.batch
        JOIN edges ON edges.name = receipts.edge
        WHERE invalidations.subject = %s""",
        code,
    )
    assert rows == [("purge", 1, fleet.head(), fleet.head())]


def test_a_rebound_that_was_not_made_is_made_after_a_restart(fleet: Fleet) -> None:
    fleet.ban()
    fleet.settle()
    fleet.purger.stop()
    before = fleet.purges()
    fleet.sql("UPDATE edges SET rebounded = acknowledged - 1")
    fleet.purger.start()
    fleet.settle()
    assert fleet.purges() == before + 1


def test_what_was_banned_while_the_purger_was_away_is_delivered_without_a_flush(fleet: Fleet) -> None:
    fleet.purger.stop()
    before, bans = fleet.purges(), fleet.bans_added()
    fleet.ban()
    fleet.purger.start()
    fleet.settle()
    assert fleet.purges() == before + 2
    assert fleet.bans_added() == bans
    assert "flushed" not in fleet.log()


def test_rows_that_another_purger_numbered_are_delivered(fleet: Fleet) -> None:
    fleet.purger.pause()
    before = fleet.purges()
    fleet.ban()
    fleet.sql("CALL number_invalidations_v1()")
    fleet.purger.resume()
    fleet.settle()
    assert fleet.purges() == before + 2


def test_a_second_purger_by_mistake_doubles_no_receipt_and_loses_nothing(fleet: Fleet) -> None:
    def ban_sent_by_both() -> str:
        before = fleet.purges()
        code = fleet.ban()
        wait_until(lambda: fleet.purges() >= before + 4, "both have sent the ban twice")
        return code

    with Purger(fleet.directory / "second", fleet.database, options=PATIENT) as second:
        wait_until(lambda: "edge1 is followed" in second.log_text(), "the second purger follows the edge")
        # One at a time: for an edge that is slow the purger sends several together as one BAN.
        codes = [ban_sent_by_both() for _ in range(10)]
        fleet.settle()
        assert "flushed" not in second.log_text()
    marks = ", ".join(["%s"] * len(codes))
    rows = fleet.sql(
        f"""SELECT invalidations.id, COUNT(*) FROM invalidations JOIN receipts
            ON invalidations.batch BETWEEN receipts.first_batch AND receipts.batch AND receipts.method = 'purge'
        WHERE invalidations.subject IN ({marks}) GROUP BY invalidations.id""",
        *codes,
    )
    assert len(rows) == len(codes)
    assert fleet.sql("SELECT edge, batch FROM receipts GROUP BY edge, batch HAVING COUNT(*) > 1") == []


def test_many_bans_go_in_lists(fleet: Fleet) -> None:
    before, bans, head = fleet.purges(), fleet.bans_added(), fleet.number("SELECT last_batch FROM numbering")
    codes = ", ".join(f"('image', 'bulk{next(_numbers)}-{number % 4}')" for number in range(2000))
    fleet.sql(f"INSERT INTO bans (scope, subject) VALUES {codes}")
    fleet.settle()
    assert fleet.purges() == before
    # 500 codes of 11 or 12 bytes for each of four last characters: one list each, and its rebound. A list holds codes
    # that were numbered by then, and the newest 500 are numbered first.
    batches = fleet.number("SELECT COUNT(*) FROM batches WHERE batch > %s", head)
    assert batches <= 4
    assert bans + 8 <= fleet.bans_added() <= bans + 8 * batches


def test_a_restarted_edge_is_flushed_and_gets_its_heartbeat(fleet: Fleet) -> None:
    instance = fleet.sql("SELECT instance FROM edges")
    fleet.edge.stop()
    fleet.edge.start()
    fleet.edge.wait_trusted()
    fleet.logged("edge edge1 is flushed: another varnishd answers")
    wait_until(lambda: fleet.sql("SELECT instance FROM edges") != instance, "the new instance in the database")


def test_a_flush_and_its_rebound_are_sent_before_it_is_recorded(fleet: Fleet) -> None:
    fleet.purger.stop()
    before = fleet.bans_added()
    fleet.sql("UPDATE edges SET instance = 'other'")
    fleet.purger.start()
    fleet.logged("edge edge1 is flushed: another varnishd answers")
    wait_until(lambda: fleet.sql("SELECT instance FROM edges") != [("other",)], "the flush is recorded")
    assert fleet.bans_added() == before + 2


def test_an_edge_that_is_away_is_a_problem_once_and_gets_everything_later(fleet: Fleet) -> None:
    fleet.edge.pause()
    fleet.ban()
    fleet.logged("edge edge1 is too slow")
    wait_until(lambda: fleet.sql("SELECT problem IS NOT NULL FROM edges") == [(1,)], "the problem in the database")
    fleet.edge.resume()
    fleet.logged("edge edge1 is no longer too slow")
    fleet.settle()
    fleet.edge.wait_trusted()
    wait_until(lambda: fleet.sql("SELECT problem FROM edges") == [(None,)], "no problem in the database")


def test_a_dead_edge_delays_no_other_and_is_taken_up_when_it_comes(fleet: Fleet) -> None:
    late = Edge(fleet.directory / "late", "127.0.0.1:1", name="late", lease=LEASE)
    fleet.purger.add_edge(late)
    fleet.logged("edge late is unreachable")
    fleet.ban()
    done = "SELECT COUNT(*) FROM edges JOIN numbering WHERE name = 'edge1' AND rebounded = last_batch"
    wait_until(lambda: fleet.number(done) == 1, "the other edge has everything")
    with late:
        late.wait_trusted()
        fleet.logged("edge late is flushed: it is new")
        fleet.logged("edge late is no longer unreachable")
        fleet.purger.run("edge", "remove", "late").check_returncode()
        wait_until(lambda: not late.trusted(), "an edge that was removed stops trusting its cache")
    fleet.logged("edge late is no longer followed")


def test_a_wrong_token_is_a_refusal_until_it_is_right(fleet: Fleet) -> None:
    token = fleet.edge.token_file.read_text()
    fleet.purger.stop()
    fleet.edge.token_file.write_text("wrong\n")
    try:
        fleet.purger.start()
        fleet.logged("edge edge1 is refused: 403")
    finally:
        fleet.edge.token_file.write_text(token)
    fleet.logged("edge edge1 is no longer refused")
    fleet.ban()
    fleet.settle()


@needs_switch
def test_a_purge_that_is_malformed_does_not_block_the_edge(fleet: Fleet) -> None:
    # No account can write such a row, nor number it.
    fleet.sql("SET SESSION check_constraint_checks = 0")
    fleet.sql("START TRANSACTION")
    fleet.sql("INSERT INTO invalidations (scope, subject, cause) VALUES ('image', 'a-code', 'resend')")
    fleet.sql("UPDATE numbering SET last_batch = last_batch + 1")
    fleet.sql(
        """UPDATE invalidations SET subject = 'no code', batch = (SELECT last_batch FROM numbering)
        WHERE subject = 'a-code'"""
    )
    fleet.sql("COMMIT")
    fleet.sql("SET SESSION check_constraint_checks = 1")
    fleet.logged("edge edge1 is flushed: no purge can be made of a row that it lacks: row")
    assert "image no code" in fleet.log()
    fleet.ban()
    fleet.settle()


def test_an_edge_behind_what_was_pruned_is_flushed(fleet: Fleet) -> None:
    fleet.purger.stop()
    fleet.ban()
    fleet.sql("CALL number_invalidations_v1()")
    fleet.age(500, fleet.head())
    fleet.ban()
    fleet.sql("CALL number_invalidations_v1()")
    fleet.prune()
    assert fleet.number("SELECT COUNT(*) FROM invalidations") == 1
    fleet.purger.start()
    fleet.logged("older than what the outbox still holds")
    fleet.settle()
    assert fleet.sql("SELECT method, batch FROM receipts ORDER BY batch DESC LIMIT 1") == [("flush", fleet.head())]


def test_what_is_past_its_retention_goes_and_the_rest_stays(fleet: Fleet) -> None:
    old = fleet.ban()
    fleet.settle()
    seen = "SELECT COUNT(*) FROM sightings JOIN invalidations ON invalidations.id = invalidation WHERE subject = %s"
    wait_until(lambda: fleet.number(seen, old) == 1, "the edge's answer is recorded")
    fleet.purger.stop()
    fleet.age(500, fleet.head())
    new = fleet.ban()
    fleet.purger.start()
    fleet.settle()
    wait_until(lambda: fleet.number(seen, new) == 1, "the edge's answer is recorded")

    assert fleet.prune() > 0
    head = fleet.head()
    assert fleet.sql("SELECT subject FROM invalidations") == [(new,)]
    assert fleet.sql("SELECT batch FROM batches") == [(head,)]
    assert fleet.sql("SELECT pruned_batch FROM numbering") == [(head - 1,)]
    assert fleet.number("SELECT COUNT(*) FROM receipts WHERE batch <= %s", head - 1) == 0
    assert fleet.number("SELECT COUNT(*) FROM receipts WHERE batch = %s", head) == 1
    assert fleet.number("SELECT COUNT(*) FROM sightings") == 1
    fleet.ban()
    fleet.settle()
    assert "flushed" not in fleet.log()


def test_a_missing_trigger_ends_trust_and_what_it_missed_is_flushed(fleet: Fleet) -> None:
    fleet.sql("DROP TRIGGER bans_inserted_v1")
    fleet.logged("missing or altered triggers: bans_inserted_v1.")
    wait_until(lambda: not fleet.edge.trusted(), "the edge stops trusting its cache")
    fleet.ban()
    fleet.purger.run("migrate").check_returncode()
    fleet.edge.wait_trusted()
    fleet.logged("edge edge1 is flushed: the triggers have changed")


def test_triggers_that_changed_while_the_purger_was_away_mean_a_flush(fleet: Fleet) -> None:
    fleet.purger.stop()
    fleet.sql("DROP TRIGGER bans_updated_v1")
    fleet.purger.run("migrate").check_returncode()
    fleet.purger.start()
    fleet.logged("edge edge1 is flushed: the triggers have changed")
    fleet.edge.wait_trusted()


def test_a_frozen_database_ends_trust_and_is_a_problem_once(fleet: Fleet) -> None:
    fleet.database.pause()
    try:
        fleet.logged("the database is unusable")
        wait_until(lambda: not fleet.edge.trusted(), "the edge stops trusting its cache")
    finally:
        fleet.database.resume()
    fleet.logged("the database is no longer unusable")
    fleet.edge.wait_trusted()
    fleet.ban()
    fleet.settle()
    assert fleet.log().count("ERROR") == 1


def test_a_database_that_is_away_at_the_start_is_waited_for(fleet: Fleet) -> None:
    fleet.purger.stop()
    fleet.database.stop()
    try:
        fleet.purger.start()
        fleet.logged("the database is unusable")
    finally:
        fleet.database.start()
    fleet.admin = fleet.connect_admin()
    fleet.edge.wait_trusted()
    fleet.ban()
    fleet.settle()


def test_a_database_without_the_schema_is_told_what_to_do(fleet: Fleet) -> None:
    fleet.purger.stop()
    fleet.sql("RENAME TABLE numbering TO elsewhere")
    try:
        fleet.purger.start()
        fleet.logged("run `purger migrate`")
    finally:
        fleet.sql("RENAME TABLE elsewhere TO numbering")
    fleet.edge.wait_trusted()


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


def test_an_edge_that_never_ends_its_answer_does_not_hold_up_the_list(fleet: Fleet) -> None:
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not ended.wait(0.5):
                    connection.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            fleet.purger.run(
                *("edge", "add", "drip", "--purge-url", url, "--public-url", url),
                *("--token-file", str(fleet.edge.token_file)),
            ).check_returncode()
            fleet.logged("edge drip is followed")
            fleet.purger.run("edge", "remove", "drip").check_returncode()
            wait_until(lambda: "edge drip is no longer followed" in fleet.log(), "the list goes on")
        finally:
            ended.set()
            thread.join()


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
        fleet.sql("CALL number_invalidations_v1()")
    assert fleet.head() == head - (not numbered)
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
    connection.run("record_progress", **late, flushed=False)
    assert fleet.sql("SELECT acknowledged, rebounded FROM edges") == [(head, head)]
    connection.run("record_progress", **late | {"instance": "other"}, flushed=False)
    assert fleet.sql("SELECT acknowledged, rebounded, instance FROM edges") == [(0, 0, "other")]
    connection.run("record_progress", **late | {"instance": "other", "acknowledged": 3, "rebounded": 3}, flushed=False)
    connection.run("record_progress", **late | {"instance": "other"}, flushed=True)
    assert fleet.sql("SELECT acknowledged, rebounded FROM edges") == [(0, 0)]
    connection.close()
    fleet.purger.start()
    fleet.edge.wait_trusted()


def test_sigterm_and_sigint_end_it_in_order(fleet: Fleet) -> None:
    for number in (15, 2):
        process = fleet.purger.process
        assert process is not None
        fleet.purger.stop(stop_signal=number, expected_returncode=0)
        assert fleet.purger.log_text().rstrip().endswith("stopping")
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


def test_a_probe_of_an_edge_that_never_ends_its_answer_does_not_hold_up_the_end(fleet: Fleet) -> None:
    own = fleet.edge.url
    with raw_listener(b"HTTP/1.1 200 OK\r\n", drip=b"X: x\r\n", every=2.0) as (url, asked):
        fleet.purger.run("edge", "set", "edge1", "--public-url", url).check_returncode()
        try:
            fleet.logged("edge edge1 has changed")
            fleet.ban()
            assert asked.wait(PATIENCE)
            process = fleet.purger.process
            assert process is not None
            process.terminate()
            assert process.wait(PATIENCE) == 0
        finally:
            fleet.purger.stop()
            fleet.purger.run("edge", "set", "edge1", "--public-url", own).check_returncode()
            fleet.purger.start()
    fleet.edge.wait_trusted()
