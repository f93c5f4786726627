"""Restart edges, prune and change triggers: the purger flushes each edge that may have missed a change."""

from stack.processes.waiting import wait_until
from tests.support.edges.fleet import Fleet


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


def test_an_edge_behind_what_was_pruned_is_flushed(fleet: Fleet) -> None:
    fleet.purger.stop()
    fleet.ban()
    fleet.sql("CALL number_invalidations(NULL, NULL, @size, @more)")
    fleet.age(500, fleet.head())
    fleet.ban()
    fleet.sql("CALL number_invalidations(NULL, NULL, @size, @more)")
    fleet.prune()
    assert fleet.number("SELECT COUNT(*) FROM invalidations") == 1
    fleet.purger.start()
    fleet.logged("older than what the outbox still holds")
    fleet.settle()
    assert fleet.sql("SELECT method, batch FROM receipts ORDER BY batch DESC LIMIT 1") == [("flush", fleet.head())]


def test_a_missing_trigger_ends_trust_and_what_it_missed_is_flushed(fleet: Fleet) -> None:
    fleet.sql("DROP TRIGGER bans_inserted")
    fleet.logged("missing or altered triggers: bans_inserted.")
    wait_until(lambda: not fleet.edge.trusted(), "the edge stops trusting its cache")
    fleet.ban()
    fleet.purger.run("migrate").check_returncode()
    fleet.edge.wait_trusted()
    fleet.logged("edge edge1 is flushed: the triggers have changed")


def test_triggers_that_changed_while_the_purger_was_away_mean_a_flush(fleet: Fleet) -> None:
    fleet.purger.stop()
    fleet.sql("DROP TRIGGER bans_updated")
    fleet.purger.run("migrate").check_returncode()
    fleet.purger.start()
    fleet.logged("edge edge1 is flushed: the triggers have changed")
    fleet.edge.wait_trusted()
