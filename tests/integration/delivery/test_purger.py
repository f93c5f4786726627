"""Run ``purger run`` on real edges and a real database: each ban is delivered, sent again (rebound) and recorded."""

from itertools import count

from stack.processes.waiting import wait_until
from tests.support.database.check_constraints import needs_switch
from tests.support.edges.fleet import Fleet

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
    before = fleet.purges()
    fleet.ban()
    fleet.purger.start()
    fleet.settle()
    assert fleet.purges() == before + 2
    assert "flushed" not in fleet.log()


def test_rows_that_another_purger_numbered_are_delivered(fleet: Fleet) -> None:
    fleet.purger.pause()
    before = fleet.purges()
    fleet.ban()
    fleet.sql("CALL number_invalidations(NULL, NULL, @size, @more)")
    fleet.purger.resume()
    fleet.settle()
    assert fleet.purges() == before + 2


def test_many_bans_of_any_scope_go_in_few_lists(fleet: Fleet) -> None:
    before, head = fleet.purges(), fleet.head()
    numbers = [next(_numbers) for _ in range(500)]
    bans = [f"('image', 'bulk{number}')" for number in numbers] + [f"('owner', 'bulk{number}')" for number in numbers]
    bans += [f"('digest', '{number:064x}')" for number in numbers]
    fleet.sql(f"INSERT INTO bans (scope, subject) VALUES {', '.join(bans)}")
    fleet.settle()
    # 47 KB fit in 7 lists, and each goes again as a rebound. A list holds rows that were numbered by then, and the
    # newest 500 are numbered first.
    batches = fleet.number("SELECT COUNT(*) FROM batches WHERE batch > %s", head)
    assert batches <= 4
    assert 2 * 7 <= fleet.purges() - before <= 2 * (7 + batches)


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


def test_what_is_past_its_retention_goes_and_the_rest_stays(fleet: Fleet) -> None:
    old = fleet.ban()
    fleet.settle()
    told = "SELECT COUNT(*) FROM probe_remarks JOIN invalidations ON invalidations.id = invalidation WHERE subject = %s"
    wait_until(lambda: fleet.number(told, old) == 1, "the edge's answer is recorded")
    fleet.purger.stop()
    fleet.age(500, fleet.head())
    new = fleet.ban()
    fleet.purger.start()
    fleet.settle()
    wait_until(lambda: fleet.number(told, new) == 1, "the edge's answer is recorded")

    assert fleet.prune() > 0
    head = fleet.head()
    assert fleet.sql("SELECT subject FROM invalidations") == [(new,)]
    assert fleet.sql("SELECT batch FROM batches") == [(head,)]
    assert fleet.sql("SELECT pruned_batch FROM numbering") == [(head - 1,)]
    assert fleet.number("SELECT COUNT(*) FROM receipts WHERE batch <= %s", head - 1) == 0
    assert fleet.number("SELECT COUNT(*) FROM receipts WHERE batch = %s", head) == 1
    assert fleet.number("SELECT COUNT(*) FROM probe_remarks") == 1
    fleet.ban()
    fleet.settle()
    assert "flushed" not in fleet.log()


def test_sigterm_and_sigint_end_it_in_order(fleet: Fleet) -> None:
    for number in (15, 2):
        process = fleet.purger.process
        assert process is not None
        fleet.purger.stop(stop_signal=number, expected_returncode=0)
        _, stopping, after = fleet.purger.log_text().partition(": stopping\n")
        # A probe that was under way may still say that there is no answer: these edges have no origin.
        assert stopping
        assert "ERROR" not in after
        fleet.purger.start()
    fleet.edge.wait_trusted()
