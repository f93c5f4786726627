"""Verify again while triggers are missing, also when no edge waits for a heartbeat."""

import threading
import time
from collections.abc import Callable
from typing import Any, cast

import pytest

from purger.model import Position, Verification
from purger.outbox.batches import Batches
from purger.outbox.outbox import Outbox, Taken
from purger.outbox.poller import Poller
from purger.outbox.verifier import FullyNumberedTimes, Verifier, rest
from stack.processes.waiting import PATIENCE, wait_until
from takedown_db.schema.triggers import Triggers

ONE = Position(1, "identity")
_MOST_CALLS = 20


class Database:
    """An outbox of three batches each time, and a trigger that is missing only at the first verification."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self.calls = 0
        self.states = [Triggers("without", missing=("bans_inserted",)), Triggers("whole")]

    def catch_up(self) -> None:
        pass

    def take_bulk(self, known: Position | None, found: Callable[[Taken], object]) -> Taken:
        self.calls += 1
        if self.calls > _MOST_CALLS:
            self._stop.set()
        for more in (True, True, False):
            taken = Taken(known, ONE, True, 0, more, 1, 0, [])
            found(taken)
        return taken

    def later_migrations(self) -> tuple[str, ...]:
        return ()

    def triggers(self) -> Triggers:
        return self.states.pop(0)


class Edges:
    """Edges that ask once and then wait."""

    def __init__(self, stop: threading.Event) -> None:
        self.usable, self.position, self.setbacks, self.more_to_come = True, ONE, 0, False
        self.verifications: list[Verification] = []
        self.told: list[tuple[bool, bool]] = []  # of each answer: whether it has more, and what workers were told then
        self._stop = stop
        self._ticket = 0

    def draw_ticket(self) -> int:
        self._ticket += 1
        return self._ticket

    def wanted_ticket(self) -> int | None:
        return None if self.verifications else 0

    def found(self, taken: Taken, *, setbacks: int) -> None:
        assert setbacks == self.setbacks
        self.told.append((taken.more, self.more_to_come))

    def on_bulk(self, call: Callable[[], None]) -> None:
        pass

    def on_ticket(self, call: Callable[[], None]) -> None:
        pass

    def verified(self, verification: Verification) -> None:
        self.verifications.append(verification)
        if not verification.triggers.missing:
            self._stop.set()


def test_a_trigger_that_is_restored_is_noticed_although_no_edge_asks() -> None:
    stop = threading.Event()
    edges, database = Edges(stop), Database(stop)
    Verifier(cast(Outbox, cast(Any, database)), cast(Poller, cast(Any, edges)), stop).run()
    assert [each.triggers.fingerprint for each in edges.verifications] == ["without", "whole"]


def test_workers_are_told_with_each_batch_whether_more_are_to_come() -> None:
    stop = threading.Event()
    edges, database = Edges(stop), Database(stop)
    Verifier(cast(Outbox, cast(Any, database)), cast(Poller, cast(Any, edges)), stop).run()
    assert edges.told[:3] == [(True, True), (True, True), (False, False)]


def test_a_slow_poll_is_followed_by_a_longer_rest_and_a_frozen_one_by_no_endless_one() -> None:
    assert rest(0.0) < rest(0.1)
    assert rest(0.1) == pytest.approx(0.3)
    assert rest(3600.0) < 1


def test_a_request_is_met_at_once_and_without_one_it_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("purger.outbox.verifier._UNASKED", PATIENCE)
    stop = threading.Event()
    database = Database(stop)
    poller = Poller(cast(Outbox, cast(Any, database)), Batches(cast(Any, database)), interval=1.0, stop=stop)
    verifier = Verifier(cast(Outbox, cast(Any, database)), poller, stop)
    database.states = [Triggers("whole")] * 2
    verifier.start()
    wait_until(lambda: poller.verification, "the first verification, for which nobody has to ask")
    ticket = poller.draw_ticket()
    began = time.monotonic()
    wait_until(lambda: poller.wanted_ticket() is None or None, "the requested verification")
    assert time.monotonic() - began < PATIENCE, "it did not rest"
    assert cast(Verification, poller.verification).ticket == ticket
    assert database.calls == 2, "each was asked for"
    stop.set()
    poller.draw_ticket()
    verifier.join()


def test_a_batch_was_committed_after_the_outbox_was_fully_numbered_without_it() -> None:
    times = FullyNumberedTimes()
    assert times.before(1) is None
    for head, at in ((5, 100.0), (5, 101.0), (7, 102.0)):
        times.add(head, at=at)
    assert [times.before(batch) for batch in (5, 6, 7, 8)] == [None, 101.0, 101.0, 102.0]
