"""Choose the next step for one edge: ask it, send it batches, send it a heartbeat, or wait."""

import re

import pytest

from purger.model import SavedProgress
from purger.progress.lease import Lease
from purger.progress.progress import Progress
from purger.progress.steps import Ask, Deliver, Heartbeat, Wait
from takedown_db.schema.triggers import Triggers
from tests.support.pages.markdown_pages import ROOT
from tests.support.purgers.progress_states import DELAY, LATE, at, known_edge, verified


@pytest.fixture
def edge() -> Progress:
    return known_edge()


def test_an_edge_is_asked_before_anything_else() -> None:
    progress = Progress(DELAY, LATE, Lease(1.0))
    progress.resume(SavedProgress("one", 5, 5, 5, 5, "all"), now=0.0)
    assert progress.next_step(at(9), 0, verified(9), 1.0) == Ask()


def test_the_same_instance_goes_on_where_it_was(edge: Progress) -> None:
    assert edge.next_step(at(7), 0, verified(7), 100.0) == Deliver(5, 7)


def test_a_missing_trigger_stops_heartbeats_but_no_purges(edge: Progress) -> None:
    broken = verified(5, triggers=Triggers("some", ("bans_inserted",)))
    assert not isinstance(edge.next_step(at(5), 0, broken, 101.5), Heartbeat)
    assert edge.next_step(at(6), 0, broken, 101.5) == Deliver(5, 6)


def test_a_heartbeat_needs_a_verification_that_began_after_the_epoch(edge: Progress) -> None:
    edge.lease.answered("1700000001.000", at=101.0, ticket=2)
    assert not isinstance(edge.next_step(at(5), 0, verified(5, ticket=1), 101.5), Heartbeat)
    assert edge.next_step(at(5), 0, verified(5, ticket=2), 101.5) == Heartbeat("1700000001.000")


def test_a_heartbeat_waits_for_all_that_the_verification_found(edge: Progress) -> None:
    assert edge.next_step(at(6), 0, verified(6), 101.5) == Deliver(5, 6)
    edge.delivered(6, at=101.5)
    edge.rebounded(0, 6)
    assert isinstance(edge.next_step(at(6), 0, verified(6), 101.5), Heartbeat)


def test_a_heartbeat_goes_before_what_came_after_the_verification(edge: Progress) -> None:
    assert isinstance(edge.next_step(at(9), 0, verified(5), 101.5), Heartbeat)


def test_a_heartbeat_waits_for_the_first_verification_of_its_epoch_alone(edge: Progress) -> None:
    assert edge.next_step(at(6), 0, verified(6), 101.5) == Deliver(5, 6)
    edge.delivered(6, at=101.5)
    edge.rebounded(0, 6)
    # Verified again and again, as under a bulk or a steady stream: the edge is always behind the latest head.
    assert edge.next_step(at(9), 0, verified(9, ticket=7), 101.5) == Heartbeat("1700000000.000")
    edge.lease.answered("1700000001.000", at=101.5, ticket=8)
    edge.lease.due = 101.5
    assert edge.next_step(at(9), 0, verified(9, ticket=7), 101.5) == Deliver(6, 9)
    assert edge.next_step(at(9), 0, verified(9, ticket=8), 101.5) == Deliver(6, 9)
    edge.delivered(9, at=101.6)
    edge.rebounded(0, 9)
    assert edge.next_step(at(12), 0, verified(12, ticket=9), 101.6) == Heartbeat("1700000001.000")


def test_a_verification_without_all_triggers_is_not_the_first_one(edge: Progress) -> None:
    broken = verified(5, triggers=Triggers("all", ("bans_inserted",)))
    assert not isinstance(edge.next_step(at(5), 0, broken, 101.5), Heartbeat)
    assert isinstance(edge.next_step(at(6), 0, verified(6), 101.5), Deliver)
    assert not isinstance(edge.next_step(at(5), 0, broken, 101.5), Heartbeat)


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
    assert edge.next_step(at(5), 0, verified(5, ticket=0), 105.75) == Wait(106.0 - 105.75, for_verification=True)
    assert edge.next_step(at(5), 0, verified(5), 105.75) == Heartbeat("1700000000.000")
    assert not edge.lease.awaits_verification(110.0), "after ten intervals a later one is better"


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


def test_no_other_module_writes_fields_of_progress() -> None:
    written = re.compile(r"progress\.[a-z_]+(\[\w+\])?(\.[a-z_]+)* [-+&|]?= ")
    modules = sorted((ROOT / "purger").rglob("*.py"))
    assert [line for file in modules for line in file.read_text().splitlines() if written.search(line)] == []
