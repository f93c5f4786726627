"""Send batches and flushes again (rebound): promptly, and later twice more."""

from dataclasses import replace

import pytest

from purger.model import SavedProgress
from purger.progress.lease import Lease
from purger.progress.progress import Progress
from purger.progress.steps import Deliver, Flush, FlushRebound, Heartbeat, LateFlushRebound, Rebound, Wait
from tests.support.purgers.progress_states import CLOCK, DELAY, LATE, NEW, at, known_edge, verified


@pytest.fixture
def edge() -> Progress:
    return known_edge()


def test_a_heartbeat_waits_for_the_rebound_of_what_its_epoch_covers_and_for_no_other(edge: Progress) -> None:
    edge.delivered(6, at=101.0)
    assert isinstance(edge.next_step(at(6), 0, verified(6), 101.4), Wait)
    assert edge.next_step(at(6), 0, verified(6), 101.5) == Rebound(0, 5, 6)
    edge.rebounded(0, 6)
    edge.delivered(7, at=101.5)
    assert isinstance(edge.next_step(at(7), 0, verified(7), 101.5), Heartbeat)


def test_a_heartbeat_waits_for_the_rebound_of_a_flush(edge: Progress) -> None:
    edge.require_flush("for the test")
    step = edge.next_step(at(5), 0, verified(5), 101.0)
    assert isinstance(step, Flush)
    edge.flushed(step, clock=CLOCK, at=101.0)
    assert isinstance(edge.next_step(at(5), 0, verified(5, ticket=2), 101.4), Wait)
    edge.flush_rebounded()
    assert isinstance(edge.next_step(at(5), 0, verified(5, ticket=2), 101.5), Heartbeat)


def test_a_prompt_rebound_of_a_large_fleet_waits_for_the_next_delivery_until_it_is_overdue(edge: Progress) -> None:
    edge.delivered(6, at=100.0)
    assert edge.next_step(at(6), 0, verified(5), 100.5) == Rebound(0, 5, 6)
    waiting = edge.next_step(at(7), 0, verified(5), 100.5, announced=6, patient=True)
    assert isinstance(waiting, Wait)
    assert waiting.seconds == pytest.approx(0.25)
    shared = Deliver(6, 7, Rebound(0, 5, 6))
    assert edge.next_step(at(7), 0, verified(5), 100.7, announced=7, patient=True) == shared
    assert edge.next_step(at(6), 0, verified(5), 100.76, patient=True) == Rebound(0, 5, 6)
    assert edge.next_step(at(7), 0, verified(5), 100.76, patient=True) == replace(shared, rebound_first=True)


def test_a_first_delivery_goes_before_a_second_one(edge: Progress) -> None:
    edge.delivered(6, at=100.0)
    assert edge.next_step(at(7), 0, verified(5), 100.6) == Deliver(6, 7, Rebound(0, 5, 6))


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


def test_a_flush_leaves_no_rebound_of_batches_that_are_no_more(edge: Progress) -> None:
    edge.delivered(6, at=100.0)
    step = edge.next_step(at(4), 0, verified(4), 100.1)
    assert isinstance(step, Flush)
    edge.flushed(step, clock=CLOCK, at=100.1)
    edge.flush_rebounded()
    assert not isinstance(edge.next_step(at(4), 0, verified(4), 100.9), Rebound)


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
