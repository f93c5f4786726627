"""Keep the newest batch when two threads report theirs, wake who waits, and poll the ids of the last second only."""

import threading
from typing import cast

import pytest

from purger.model import Position, Row, Verification
from purger.outbox.batches import Batches
from purger.outbox.outbox import Outbox, Taken
from purger.outbox.poller import IdWindow, Poller
from takedown_db.schema.triggers import Triggers


def poller_at(head: int) -> Poller:
    outbox = cast("Outbox", None)  # nothing is asked here: answers are handed in
    poller = Poller(outbox, Batches(outbox), interval=0.001, stop=threading.Event())
    poller.found(answer(None, head), setbacks=0)
    return poller


def answer(known: int | None, head: int, *, same: bool = True) -> Taken:
    place = None if known is None else Position(known, f"identity-{known}")
    return Taken(
        place, Position(head, f"identity-{head}"), same, pruned=0, more=False, largest=0, unnumberable=0, rows=[]
    )


def test_an_answer_from_before_a_setback_does_not_bring_back_the_lost_batches() -> None:
    poller = poller_at(30)
    poller.found(answer(30, 29), setbacks=0)
    assert (poller.head, poller.setbacks) == (29, 1)
    # The other thread put its question before, and was answered before the batch was lost.
    poller.found(answer(29, 30), setbacks=0)
    poller.found(answer(30, 29), setbacks=0)
    assert (poller.head, poller.setbacks) == (29, 1)


def test_a_second_setback_counts() -> None:
    poller = poller_at(30)
    poller.found(answer(30, 29), setbacks=0)
    poller.found(answer(29, 28), setbacks=1)
    assert (poller.head, poller.setbacks) == (28, 2)


def test_another_batch_of_the_same_number_is_a_setback() -> None:
    poller = poller_at(30)
    poller.found(answer(30, 31, same=False), setbacks=0)
    assert (poller.position, poller.setbacks) == (Position(31, "identity-31"), 1)


def test_the_batches_found_are_planned_with_their_identity() -> None:
    batches = Batches(cast("Outbox", None))
    poller = Poller(cast("Outbox", None), batches, interval=0.001, stop=threading.Event())
    poller.found(answer(None, 30), setbacks=0)
    rows = [Row(1, 31, "image", "a", "ban"), Row(2, 32, "image", "b", "ban")]
    taken = answer(30, 32)._replace(rows=rows, identities={31: "first", 32: "second"})
    poller.found(taken, setbacks=0)
    assert batches.plan(30, 32).position == "32:second"
    assert batches.plan(30, 31).position == "31:first"


class Observed(Poller):
    """A poller that notes the head after each change of an attribute, as another thread could find it."""

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if "known" in self.__dict__:
            self.__dict__.setdefault("seen", []).append((self.head, self.setbacks))


def test_a_setback_is_never_seen_with_the_batch_of_before_it() -> None:
    outbox = cast("Outbox", None)
    poller = Observed(outbox, Batches(outbox), interval=0.001, stop=threading.Event())
    poller.found(answer(None, 30), setbacks=0)
    poller.found(answer(30, 29), setbacks=0)
    assert list(dict.fromkeys(poller.__dict__["seen"])) == [(None, 0), (30, 0), (29, 1)]


def test_a_verification_wakes_the_workers_that_wait_for_one_and_no_others() -> None:
    poller, woken = poller_at(30), list[str]()
    poller.verified(Verification(1, 30, Triggers("all", ())))
    poller.subscribe(lambda: woken.append("all"))
    poller.on_next_verification(lambda: woken.append("due"), after=poller.verification)
    assert woken == []
    poller.verified(Verification(2, 30, Triggers("all", ())))
    poller.verified(Verification(3, 30, Triggers("all", ())))
    assert woken == ["due"], "once"


def test_a_verification_that_came_meanwhile_wakes_at_once() -> None:
    poller, woken = poller_at(30), list[str]()
    seen = poller.verification
    poller.verified(Verification(1, 30, Triggers("all", ())))
    poller.on_next_verification(lambda: woken.append("due"), after=seen)
    assert woken == ["due"]


def test_other_triggers_wake_all_workers() -> None:
    poller, woken = poller_at(30), list[str]()
    poller.verified(Verification(1, 30, Triggers("all", ())))
    poller.subscribe(lambda: woken.append("all"))
    poller.verified(Verification(2, 30, Triggers("all", ("bans_inserted",))))
    poller.verified(Verification(3, 30, Triggers("others", ())))
    assert woken == ["all", "all"]


class Bulk:
    """An outbox that answers polls as while a bulk waits for its numbers, and notes from which id they look."""

    def __init__(self) -> None:
        self.largest, self.more = 1000, False
        self.looked: list[int | None] = []

    def take(self, known: Position | None, *, after: int | None, wait: float, step: float) -> Taken:
        assert wait <= 0.5
        assert step == 0.001
        self.looked.append(after)
        return answer(None if known is None else known.batch, 1)._replace(more=self.more, largest=self.largest)


def test_polls_leave_a_bulk_to_the_verifier_and_look_at_the_newest_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    outbox, clock, hurried = Bulk(), iter(range(100, 200)), list[bool]()
    monkeypatch.setattr("purger.outbox.poller.time.monotonic", lambda: float(next(clock)))
    poller = Poller(cast("Outbox", outbox), Batches(cast("Outbox", None)), interval=0.001, stop=threading.Event())
    poller.on_bulk(lambda: hurried.append(poller.more_to_come))
    poller.work()
    poller.work()
    assert (outbox.looked, hurried, poller.more_to_come) == ([None, 1000], [], False)
    outbox.largest, outbox.more = 101_000, True
    poller.work()
    assert (hurried, poller.more_to_come) == ([True], True)
    outbox.more = False
    poller.work()
    assert outbox.looked[-1] == 100_500
    assert poller.more_to_come, "the verifier, which reads all rows, tells the end"


def test_the_window_holds_the_ids_of_the_last_second() -> None:
    window = IdWindow(1.0)
    assert window.start(100.0) is None
    for at, largest in ((100.0, 5), (100.5, 9), (101.0, 20)):
        window.note(largest, at=at)
    assert window.start(100.9) is None
    assert window.start(101.0) == 5
    assert window.start(101.5) == 5
    window.note(30, at=101.5)
    assert window.start(101.5) == 9
    window.note(3, at=102.6)  # the database has gone back
    assert window.start(102.6) is None


def test_a_narrowed_window_begins_at_its_id_until_later_ids_are_old() -> None:
    window = IdWindow(1.0)
    window.note(5, at=100.0)
    window.note(900, at=101.0)
    window.narrow(400, at=101.0)
    assert window.start(101.0) == 400
    window.note(950, at=101.1)
    assert window.start(102.0) == 400
    window.note(990, at=102.1)
    assert window.start(102.1) == 950
