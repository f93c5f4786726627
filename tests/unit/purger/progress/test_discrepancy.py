"""Compare the position and the last heartbeat that an edge names with its progress."""

import pytest

from purger.model import Position, SavedProgress
from purger.progress.lease import Lease
from purger.progress.progress import Progress
from purger.progress.steps import Deliver, Flush
from tests.support.purgers.progress_states import DELAY, LATE, NEW, at, known_edge, verified

REASON = "its position, batch 5:other, is none of this database, or older than what the outbox still holds"


@pytest.fixture
def edge() -> Progress:
    return known_edge()


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


def test_an_edge_that_no_purge_has_reached_is_flushed_though_it_is_the_same_varnishd(edge: Progress) -> None:
    edge.recognise("one", None, NEW, known=False)
    assert edge.must_flush == REASON.replace("5:other", "0:none")
