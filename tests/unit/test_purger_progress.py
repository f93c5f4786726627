import pytest

from purger.lease import Lease
from purger.model import FlushRequest, Position, SavedProgress, Verification
from purger.progress import Progress
from purger.steps import Ask, Deliver, Flush, FlushRebound, Heartbeat, LateFlushRebound, Rebound, Wait
from takedown_db.schema.triggers import Triggers

TRIGGERS = Triggers("all")
DELAY = 0.5
LATE = (5.0, 60.0)
CLOCK = "1700000000.500"
REASON = "its position, batch 5:other, is none of this database, or older than what the outbox still holds"
NEW = Position(0, "none")


def at(batch: int) -> Position:
    return Position(batch, f"batch-{batch}")


def verified(head: int, ticket: int = 1, triggers: Triggers = TRIGGERS) -> Verification:
    return Verification(ticket, head, triggers)


@pytest.fixture
def edge() -> Progress:
    """An edge at batch 5, known and up to date, whose clock was heard at 100.0 and whose heartbeat is due at 101.0."""
    progress = Progress(DELAY, LATE, Lease(1.0))
    progress.resume(SavedProgress("one", 5, 5, 5, 5, "all"), now=100.0)
    progress.recognise("one", None, at(5), known=True)
    progress.lease.answered("1700000000.000", at=100.0, ticket=1)
    progress.lease.due = 101.0
    progress.instances.pending = 0
    return progress


def test_an_edge_is_asked_before_anything_else() -> None:
    progress = Progress(DELAY, LATE, Lease(1.0))
    progress.resume(SavedProgress("one", 5, 5, 5, 5, "all"), now=0.0)
    assert progress.next_step(at(9), 0, verified(9), 1.0) == Ask()


def test_a_new_edge_is_flushed_to_the_head_that_was_read() -> None:
    progress = Progress(DELAY, LATE, Lease(1.0))
    progress.resume(SavedProgress(None, 0, 0, 0, 0, None), now=100.0)
    progress.recognise("one", None, at(5), known=True)
    step = progress.next_step(at(9), 0, verified(9), 100.0)
    assert isinstance(step, Flush)
    progress.flushed(step, clock=CLOCK, at=100.0)
    assert progress.acknowledged == 9
    assert progress.next_step(at(11), 0, verified(9), 100.0) == Deliver(9, 11)


def test_a_flush_waits_for_the_database(edge: Progress) -> None:
    edge.recognise("two", None, NEW, known=False)
    assert isinstance(edge.next_step(None, 0, None, 100.0), Wait)


def test_the_same_instance_goes_on_where_it_was(edge: Progress) -> None:
    assert edge.next_step(at(7), 0, verified(7), 100.0) == Deliver(5, 7)


def test_another_instance_is_flushed(edge: Progress) -> None:
    edge.recognise("two", None, NEW, known=False)
    assert isinstance(edge.next_step(at(5), 0, verified(5), 100.0), Flush)


@pytest.mark.parametrize(("pruned", "flushed"), [(5, False), (6, True)])
def test_an_edge_behind_the_mark_is_flushed(edge: Progress, pruned: int, flushed: bool) -> None:
    assert isinstance(edge.next_step(at(8), pruned, verified(8), 100.0), Flush) is flushed


def test_a_database_that_went_back_means_a_flush(edge: Progress) -> None:
    step = edge.next_step(at(4), 0, verified(4), 100.0)
    assert isinstance(step, Flush)
    edge.flushed(step, clock=CLOCK, at=100.0)
    assert edge.acknowledged == 4


def test_a_setback_means_a_flush_that_covers_all_that_the_outbox_holds(edge: Progress) -> None:
    edge.flush_done = 7
    edge.went_back(2)
    assert edge.saved() is None, "nothing is recorded until the flush was sent twice"
    # Numbered again beyond what the edge has acknowledged of others.
    step = edge.next_step(at(9), 2, verified(9), 100.0)
    assert step == Flush("the database has gone back", at(9), "all")
    assert edge.acknowledged == 2, "the receipt of the flush begins after it"
    assert isinstance(step, Flush)
    edge.flushed(step, clock=CLOCK, at=100.0)
    edge.flush_rebounded()
    assert edge.saved() == SavedProgress("one", 9, 9, 9, 9, "all", flushed_at=float(CLOCK)), (
        "no request of the new database was answered before"
    )


def test_after_a_setback_a_heartbeat_waits_for_no_batch_that_is_gone(edge: Progress) -> None:
    lost = verified(9, ticket=1)
    edge.went_back(0)
    step = edge.next_step(at(4), 0, lost, 101.5)
    assert isinstance(step, Flush)
    edge.flushed(step, clock=CLOCK, at=101.5)
    assert edge.next_step(at(4), 0, lost, 101.6) == Ask()
    assert not edge.lease.awaits_verification(101.6), "else its new epoch would not be taken"
    edge.lease.answered("1700000001.600", at=101.6, ticket=2)
    assert isinstance(edge.next_step(at(4), 0, lost, 101.7), Wait)
    assert edge.next_step(at(4), 0, verified(4, ticket=2), 101.8) == Heartbeat("1700000001.600")


def test_changed_triggers_mean_a_flush_before_the_next_heartbeat(edge: Progress) -> None:
    step = edge.next_step(at(5), 0, verified(5, triggers=Triggers("others")), 102.0)
    assert isinstance(step, Flush)
    edge.flushed(step, clock=CLOCK, at=102.0)
    assert edge.triggers == "others"
    assert isinstance(edge.next_step(at(5), 0, verified(5, triggers=Triggers("others")), 102.0), Heartbeat)


def test_a_missing_trigger_stops_heartbeats_but_no_purges(edge: Progress) -> None:
    broken = verified(5, triggers=Triggers("some", ("bans_inserted_v1",)))
    assert not isinstance(edge.next_step(at(5), 0, broken, 101.5), Heartbeat)
    assert edge.next_step(at(6), 0, broken, 101.5) == Deliver(5, 6)


def test_a_heartbeat_needs_a_verification_that_began_after_the_epoch(edge: Progress) -> None:
    edge.lease.answered("1700000001.000", at=101.0, ticket=2)
    assert not isinstance(edge.next_step(at(5), 0, verified(5, ticket=1), 101.5), Heartbeat)
    assert edge.next_step(at(5), 0, verified(5, ticket=2), 101.5) == Heartbeat("1700000001.000")


def test_a_heartbeat_waits_for_all_that_the_verification_found(edge: Progress) -> None:
    assert edge.next_step(at(6), 0, verified(6), 101.5) == Deliver(5, 6)
    edge.delivered(6, at=101.5)
    assert isinstance(edge.next_step(at(6), 0, verified(6), 101.5), Heartbeat)


def test_a_heartbeat_goes_before_what_came_after_the_verification(edge: Progress) -> None:
    assert isinstance(edge.next_step(at(9), 0, verified(5), 101.5), Heartbeat)


def test_a_heartbeat_waits_for_the_first_verification_of_its_epoch_alone(edge: Progress) -> None:
    assert edge.next_step(at(6), 0, verified(6), 101.5) == Deliver(5, 6)
    edge.delivered(6, at=101.5)
    # Verified again and again, as under a bulk or a steady stream: the edge is always behind the latest head.
    assert edge.next_step(at(9), 0, verified(9, ticket=7), 101.5) == Heartbeat("1700000000.000")
    edge.lease.answered("1700000001.000", at=101.5, ticket=8)
    edge.lease.due = 101.5
    assert edge.next_step(at(9), 0, verified(9, ticket=7), 101.5) == Deliver(6, 9)
    assert edge.next_step(at(9), 0, verified(9, ticket=8), 101.5) == Deliver(6, 9)
    edge.delivered(9, at=101.6)
    assert edge.next_step(at(12), 0, verified(12, ticket=9), 101.6) == Heartbeat("1700000001.000")


def test_a_verification_without_all_triggers_is_not_the_first_one(edge: Progress) -> None:
    broken = verified(5, triggers=Triggers("all", ("bans_inserted_v1",)))
    assert not isinstance(edge.next_step(at(5), 0, broken, 101.5), Heartbeat)
    assert isinstance(edge.next_step(at(6), 0, verified(6), 101.5), Deliver)
    assert not isinstance(edge.next_step(at(5), 0, broken, 101.5), Heartbeat)


def test_a_flush_needs_a_verification_of_its_own_head(edge: Progress) -> None:
    assert edge.next_step(at(9), 0, verified(9), 101.5) == Deliver(5, 9)
    edge.require_flush("the database has gone back")
    step = edge.next_step(at(4), 0, verified(4, ticket=2), 101.5)
    assert isinstance(step, Flush)
    edge.flushed(step, clock=CLOCK, at=101.5)
    assert isinstance(edge.next_step(at(4), 0, verified(4, ticket=2), 101.5), Heartbeat)


def test_an_overdue_rebound_holds_the_heartbeat_back(edge: Progress) -> None:
    edge.delivered(6, at=101.0)
    assert isinstance(edge.next_step(at(6), 0, verified(6), 101.7), Heartbeat)
    assert edge.next_step(at(6), 0, verified(6), 101.8) == Rebound(0, 5, 6)
    edge.rebounded(0, 6)
    assert isinstance(edge.next_step(at(6), 0, verified(6), 101.8), Heartbeat)


def test_a_first_delivery_goes_before_a_second_one(edge: Progress) -> None:
    edge.delivered(6, at=100.0)
    assert edge.next_step(at(7), 0, verified(5), 100.6) == Deliver(6, 7)


def test_an_overdue_rebound_goes_before_a_steady_stream(edge: Progress) -> None:
    edge.delivered(6, at=100.0)
    edge.delivered(7, at=100.1)
    assert edge.next_step(at(8), 0, verified(5), 100.8) == Rebound(0, 5, 7)
    edge.rebounded(0, 7)
    assert edge.next_step(at(8), 0, verified(5), 100.8) == Deliver(7, 8)


def test_rebounds_that_are_due_are_made_together(edge: Progress) -> None:
    for batch, moment in ((6, 100.0), (7, 100.1), (8, 100.4)):
        edge.delivered(batch, at=moment)
    assert edge.next_step(at(8), 0, verified(8), 100.7) == Rebound(0, 5, 7)


def test_rebounds_outlive_a_restart() -> None:
    progress = Progress(DELAY, LATE, Lease(1.0))
    progress.resume(SavedProgress("one", 8, 6, 8, 8, "all"), now=100.0)
    progress.recognise("one", None, at(8), known=True)
    progress.lease.answered("1700000000.000", at=100.0, ticket=1)
    progress.lease.due = 200.0
    assert progress.next_step(at(8), 0, verified(8), 100.0) == Wait(DELAY)
    assert progress.next_step(at(8), 0, verified(8), 100.5) == Rebound(0, 6, 8)


def test_a_flush_is_sent_twice_and_remembered_then(edge: Progress) -> None:
    edge.recognise("two", None, NEW, known=False)
    step = edge.next_step(at(5), 0, verified(5), 100.0)
    assert isinstance(step, Flush)
    assert edge.saved() is None
    edge.flushed(step, clock=CLOCK, at=100.0)
    assert edge.saved() is None
    assert edge.next_step(at(5), 0, verified(5), 100.5) == FlushRebound()
    edge.flush_rebounded()
    assert edge.saved() == SavedProgress("two", 5, 5, 5, 5, "all", flushed_at=float(CLOCK))


def test_a_flush_that_is_asked_for_is_made_once(edge: Progress) -> None:
    edge.ask_flush(FlushRequest(4, "an\nna"))
    step = edge.next_step(at(5), 0, verified(5), 100.0)
    assert step == Flush("asked for by an\\nna", at(5), "all", 4)
    edge.flushed(step, clock=CLOCK, at=100.0)
    assert edge.saved() is None
    assert not isinstance(edge.next_step(at(5), 0, verified(5), 100.1), Flush)
    edge.flush_rebounded()
    assert edge.saved() == SavedProgress("one", 5, 5, 5, 5, "all", flushed_at=float(CLOCK), flush_done=4)


def test_a_flush_that_is_asked_for_while_another_is_sent_is_made_afterwards(edge: Progress) -> None:
    edge.ask_flush(FlushRequest(4, "anna"))
    step = edge.next_step(at(5), 0, verified(5), 100.0)
    edge.ask_flush(FlushRequest(5, "berta"))
    assert isinstance(step, Flush)
    edge.flushed(step, clock=CLOCK, at=100.0)
    assert edge.next_step(at(5), 0, verified(5), 100.0) == Flush("asked for by berta", at(5), "all", 5)


def test_a_flush_for_another_reason_answers_the_request_too(edge: Progress) -> None:
    edge.ask_flush(FlushRequest(4, "anna"))
    edge.recognise("two", None, NEW, known=False)
    step = edge.next_step(at(5), 0, verified(5), 100.0)
    assert step == Flush("another varnishd answers", at(5), "all", 4)
    assert isinstance(step, Flush)
    edge.flushed(step, clock=CLOCK, at=100.0)
    assert not isinstance(edge.next_step(at(5), 0, verified(5), 100.0), Flush)


def test_an_edge_that_was_removed_and_added_counts_its_requests_anew(edge: Progress) -> None:
    edge.flush_done = 7
    edge.ask_flush(FlushRequest(1, "anna"))
    assert isinstance(edge.next_step(at(5), 0, verified(5), 100.0), Flush)


def test_a_request_whose_number_is_given_again_is_carried_out_again(edge: Progress) -> None:
    """The database has lost the request and no batch, or the edge was removed and added."""
    for _ in range(2):
        edge.ask_flush(FlushRequest(1, "anna"))
        step = edge.next_step(at(5), 0, verified(5), 100.0)
        assert isinstance(step, Flush)
        edge.flushed(step, clock=CLOCK, at=100.0)
        edge.flush_rebounded()
        edge.ask_flush(None)
        assert not isinstance(edge.next_step(at(5), 0, verified(5), 100.0), Flush)


def test_a_rebound_that_was_pruned_means_a_flush() -> None:
    progress = Progress(DELAY, LATE, Lease(1.0))
    progress.resume(SavedProgress("one", 8, 4, 8, 8, "all"), now=100.0)
    progress.recognise("one", None, at(8), known=True)
    assert isinstance(progress.next_step(at(8), 5, verified(8), 100.0), Flush)


def test_a_flush_leaves_no_rebound_of_batches_that_are_no_more(edge: Progress) -> None:
    edge.delivered(6, at=100.0)
    step = edge.next_step(at(4), 0, verified(4), 100.1)
    assert isinstance(step, Flush)
    edge.flushed(step, clock=CLOCK, at=100.1)
    edge.flush_rebounded()
    assert not isinstance(edge.next_step(at(4), 0, verified(4), 100.9), Rebound)


def test_an_old_epoch_is_followed_by_a_fresh_one_at_once() -> None:
    lease = Lease(1.0)
    lease.answered("1700000000.000", at=100.0, ticket=1)
    lease.renewed(at=101.0)
    assert lease.due == 102.0
    lease.answered("1700000001.000", at=101.0, ticket=2)
    lease.renewed(at=160.0)
    assert lease.due == 160.0


def test_a_silent_edge_is_asked_again(edge: Progress) -> None:
    assert edge.next_step(None, 0, None, 102.0) == Ask()


def test_a_wait_ends_when_the_next_thing_is_due(edge: Progress) -> None:
    edge.delivered(6, at=100.1)
    step = edge.next_step(at(6), 0, verified(6), 100.2)
    assert isinstance(step, Wait)
    assert step.seconds == pytest.approx(0.4)


def test_an_epoch_is_kept_while_a_far_database_verifies_it(edge: Progress) -> None:
    assert edge.lease.awaits_verification(109.0)
    edge.lease.heard = 104.0
    assert edge.next_step(at(5), 0, verified(5, ticket=0), 105.75) == Wait(106.0 - 105.75)
    assert edge.next_step(at(5), 0, verified(5), 105.75) == Heartbeat("1700000000.000")
    assert not edge.lease.awaits_verification(110.0), "after ten intervals a later one is better"


def test_an_edge_that_went_back_is_flushed_and_gets_no_heartbeat(edge: Progress) -> None:
    edge.recognise("one", None, at(4), known=True)
    assert edge.next_step(at(5), 0, verified(5), 101.5) == Flush("it has gone back to batch 4 from 5", at(5), "all")


def test_a_position_that_the_database_never_gave_means_a_flush(edge: Progress) -> None:
    other = Position(5, "other")
    edge.recognise("one", None, other, known=False)
    step = edge.next_step(at(5), 0, verified(5), 101.5)
    assert step == Flush(REASON, at(5), "all")


def test_an_edge_beyond_what_is_remembered_is_believed(edge: Progress) -> None:
    edge.recognise("one", None, at(7), known=True)
    assert edge.next_step(at(7), 0, verified(7), 100.0) == Deliver(5, 7)
    assert edge.position == at(7)


def test_an_edge_whose_last_heartbeat_is_an_earlier_one_is_flushed(edge: Progress) -> None:
    edge.recognise("one", "1700000001.000", at(5), known=True)
    assert edge.must_flush is None
    edge.recognise("one", "1700000000.999", at(5), known=True)
    assert edge.must_flush == "it has gone back to a heartbeat of 0.001 s before its last one"


def test_a_heartbeat_that_only_the_edge_remembers_is_no_reason_to_flush_it() -> None:
    progress = Progress(DELAY, LATE, Lease(1.0))
    progress.resume(SavedProgress("one", 5, 5, 5, 5, "all", epoch=1700000000.0), now=100.0)
    progress.recognise("one", "1700000009.000", at(5), known=True)
    assert progress.must_flush is None


def test_an_edge_of_version_0_1_with_such_a_heartbeat_is_flushed_but_once() -> None:
    progress = Progress(DELAY, LATE, Lease(1.0))
    progress.resume(SavedProgress("one", 5, 5, 5, 5, "all", epoch=1700000000.0), now=100.0)
    progress.recognise("one", "1700000000.000", None, known=True)
    assert progress.must_flush is None, "the very one that is remembered"
    progress.recognise("one", "1700000001.000", None, known=True)
    assert progress.must_flush is None, "one of this process"
    progress = Progress(DELAY, LATE, Lease(1.0))
    progress.resume(SavedProgress("one", 5, 5, 5, 5, "all", epoch=1700000000.0), now=100.0)
    progress.recognise("one", "1700000000.001", None, known=True)
    assert progress.must_flush == "it is of version 0.1, and had a heartbeat that the database does not remember"


def test_an_edge_that_a_purger_of_0_1_has_left_is_flushed_only_where_it_was_told_more() -> None:
    for epoch, flushed in (("1700000000.000", False), ("1700000000.002", True), ("1699999999.998", True)):
        progress = Progress(DELAY, LATE, Lease(1.0))
        progress.resume(SavedProgress("one", 5, 5, 5, 5, "all", epoch=1700000000.0), now=100.0)
        progress.recognise("one", epoch, NEW, known=False)
        assert (progress.must_flush is not None) is flushed
        if not flushed:
            progress.recognise("one", "1700000009.000", NEW, known=False)
            assert progress.must_flush is None, "until it is told a batch"
            progress.moved_to(at(6))
            progress.recognise("one", "1700000009.000", NEW, known=False)
            assert progress.must_flush is not None


def test_an_address_is_asked_eight_times_before_it_is_trusted() -> None:
    progress = Progress(DELAY, LATE, Lease(1.0))
    progress.resume(SavedProgress("one", 5, 5, 5, 5, "all"), now=100.0)
    progress.instances.answered("one", at=100.0, fresh=False)
    progress.recognise("one", None, at(5), known=True)
    progress.lease.answered("1700000000.000", at=100.0, ticket=1)
    for _ in range(8):
        assert progress.next_step(at(5), 0, verified(5), 100.0) == Ask(fresh=True)
        progress.instances.answered("one", at=100.0, fresh=True)
    assert isinstance(progress.next_step(at(5), 0, verified(5), 100.0), Heartbeat)


def test_two_that_answer_in_turn_are_asked_and_nothing_else(edge: Progress) -> None:
    for instance in ("one", "two", "one"):
        edge.instances.answered(instance, at=101.0, fresh=True)
    assert edge.next_step(at(6), 0, verified(6), 101.5) == Ask(fresh=True)
    assert edge.next_step(at(6), 0, verified(6), 162.0) == Deliver(5, 6)


def test_batches_are_sent_again_after_half_a_second_five_and_sixty(edge: Progress) -> None:
    edge.lease.due = 1000.0
    edge.delivered(6, at=100.0)
    for turn, delay in enumerate((0.5, 5.0, 60.0)):
        edge.lease.heard = 100.0 + delay
        assert not isinstance(edge.next_step(at(6), 0, verified(6), 100.0 + delay - 0.01), Rebound)
        assert edge.next_step(at(6), 0, verified(6), 100.0 + delay) == Rebound(turn, 5, 6)
        edge.rebounded(turn, 6)
    saved = edge.saved()
    assert saved is not None
    assert saved.all_rebounded == (6, 6, 6)


def test_late_rebounds_outlive_a_restart_and_hold_no_heartbeat_back() -> None:
    progress = Progress(DELAY, LATE, Lease(1.0))
    progress.resume(SavedProgress("one", 8, 8, 7, 6, "all"), now=100.0)
    progress.recognise("one", None, at(8), known=True)
    progress.instances.pending = 0
    progress.lease.answered("1700000000.000", at=100.0, ticket=1)
    assert isinstance(progress.next_step(at(8), 0, verified(8), 105.0), Heartbeat)
    progress.lease.due = progress.lease.heard = 1000.0
    assert progress.next_step(at(8), 0, verified(8), 105.0) == Rebound(1, 7, 8)
    progress.rebounded(1, 8)
    assert progress.next_step(at(8), 0, verified(8), 160.0) == Rebound(2, 6, 8)


def test_an_overdue_late_rebound_goes_before_a_steady_stream(edge: Progress) -> None:
    edge.lease.due = 1000.0
    edge.delivered(6, at=100.0)
    edge.rebounded(0, 6)
    assert edge.next_step(at(7), 0, verified(5), 107.4) == Deliver(6, 7)
    assert edge.next_step(at(7), 0, verified(5), 107.5) == Rebound(1, 5, 6)


def test_a_flush_is_followed_by_late_ones_of_what_was_fetched_before(edge: Progress) -> None:
    edge.require_flush("asked for")
    edge.heard("1700000000.000", at=100.0)
    step = edge.next_step(at(5), 0, verified(5), 100.0)
    assert isinstance(step, Flush)
    edge.flushed(step, clock="1700000000.000", at=100.0)
    edge.flush_rebounded()
    edge.lease.due = edge.lease.heard = 1000.0
    edge.lease.answered("1700000000.000", at=1000.0, ticket=9)
    assert edge.next_step(at(5), 0, verified(5), 104.0) == Wait(1.0)
    assert edge.next_step(at(5), 0, verified(5), 105.25) == LateFlushRebound(5.25)
    edge.late_flush_rebounded()
    assert edge.next_step(at(5), 0, verified(5), 160.0) == LateFlushRebound(60.0)


def test_a_flush_of_long_ago_is_followed_by_none_after_a_restart() -> None:
    for ago, expected in ((3.0, LateFlushRebound), (600.0, Wait)):
        progress = Progress(DELAY, LATE, Lease(1.0))
        progress.resume(SavedProgress("one", 5, 5, 5, 5, "all", flushed_at=1700000000.0 - ago), now=100.0)
        progress.recognise("one", None, at(5), known=True)
        progress.heard("1700000000.000", at=100.0)
        progress.lease.due = progress.lease.heard = 1000.0
        assert isinstance(progress.next_step(at(5), 0, verified(5), 105.0), expected)
