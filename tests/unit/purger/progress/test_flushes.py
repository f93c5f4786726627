"""Flush an edge, once, for each reason that makes its progress doubtful, and at the operator's request."""

import pytest

from purger.model import FlushRequest, SavedProgress
from purger.progress.lease import Lease
from purger.progress.progress import Progress
from purger.progress.steps import Ask, Deliver, Flush, Heartbeat, Wait
from takedown_db.schema.triggers import Triggers
from tests.support.purgers.progress_states import CLOCK, DELAY, LATE, NEW, at, known_edge, verified


@pytest.fixture
def edge() -> Progress:
    return known_edge()


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
    edge.flush_rebounded()
    assert edge.next_step(at(4), 0, lost, 101.6) == Ask()
    assert not edge.lease.awaits_verification(101.6), "else its new epoch would not be taken"
    edge.lease.answered("1700000001.600", at=101.6, ticket=2)
    assert isinstance(edge.next_step(at(4), 0, lost, 101.7), Wait)
    assert edge.next_step(at(4), 0, verified(4, ticket=2), 101.8) == Heartbeat("1700000001.600")


def test_changed_triggers_mean_a_flush_before_the_next_heartbeat(edge: Progress) -> None:
    step = edge.next_step(at(5), 0, verified(5, triggers=Triggers("others")), 102.0)
    assert isinstance(step, Flush)
    edge.flushed(step, clock=CLOCK, at=102.0)
    edge.flush_rebounded()
    assert edge.triggers == "others"
    assert isinstance(edge.next_step(at(5), 0, verified(5, triggers=Triggers("others")), 102.0), Heartbeat)


def test_a_flush_needs_a_verification_of_its_own_head(edge: Progress) -> None:
    assert edge.next_step(at(9), 0, verified(9), 101.5) == Deliver(5, 9)
    edge.require_flush("the database has gone back")
    step = edge.next_step(at(4), 0, verified(4, ticket=2), 101.5)
    assert isinstance(step, Flush)
    edge.flushed(step, clock=CLOCK, at=101.5)
    edge.flush_rebounded()
    assert isinstance(edge.next_step(at(4), 0, verified(4, ticket=2), 101.5), Heartbeat)


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
