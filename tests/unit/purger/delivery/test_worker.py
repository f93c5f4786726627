"""Interleave the requests of a bulk with single bans, also while its rebounds go first."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from purger.delivery.pace import Pace
from purger.delivery.worker import Worker
from purger.edge.answer import EdgeAnswer
from purger.edge.errors import UnreachableError
from purger.edge.purge_request import Request
from purger.model import Edge, Position, Receipt, Row, SavedProgress
from purger.outbox.batches import Batches
from purger.outbox.outbox import Outbox
from purger.outbox.poller import Poller
from purger.probing.probers import Probers
from purger.progress.steps import Deliver, Rebound, Step
from purger.records.recorder import Recorder
from purger.settings import Settings

URL = "http://127.0.0.1:1"


class Place:
    """An outbox in memory, the worker of one edge, and the requests that it sends. Takes what it records as well."""

    def __init__(self) -> None:
        outbox = cast("Outbox", None)  # all that is planned is in memory
        self.batches = Batches(outbox, rows_a_plan=300)
        self.holds = True
        self.sent: list[Mapping[str, str]] = []
        self.position, self.edge = Position(0, "none"), Edge("e", URL, URL, "/nowhere")
        self.worker = Worker(
            edge=self.edge,
            saved=SavedProgress("one", 0, 0, 0, 0, "all"),
            settings=Settings(database_url=""),
            poller=Poller(outbox, self.batches, interval=0.001, stop=threading.Event()),
            batches=self.batches,
            recorder=cast("Recorder", self),
            probers=cast("Probers", self),
            pace=Pace(),
            holds=lambda: self.holds,
        )
        self.worker._session = cast("Any", self)
        self._largest = self._batch = 0
        self.waiting: list[Callable[[EdgeAnswer], None]] = []
        self.room, self.broken = 1, False
        self.receipts: list[Receipt] = []

    def add(self, *subjects: str) -> None:
        self._batch += 1
        rows = [
            Row(self._largest + number, self._batch, "image", subject, "ban")
            for number, subject in enumerate(subjects, 1)
        ]
        self._largest += len(subjects)
        self.batches.add(self._batch - 1, self._batch, rows, {self._batch: f"i{self._batch}"})

    def take(self, step: Step) -> None:
        asyncio.run(self.worker._take(step))

    @property
    def has_room(self) -> bool:
        return len(self.waiting) < self.room

    @property
    def is_idle(self) -> bool:
        return not self.waiting

    async def start(self, request: Request, done: Callable[[EdgeAnswer], None]) -> None:
        self.sent.append(dict(request.headers))
        self.waiting.append(done)

    def close(self) -> None:
        self.waiting.clear()

    async def settle_next(self) -> None:
        await asyncio.sleep(0)
        if self.broken:
            raise UnreachableError("no answer")
        while self.waiting:
            self.waiting.pop(0)(EdgeAnswer("one", "1.000", 1, None, None, self.position))

    def first_tags(self) -> list[str]:
        return [headers["Takedown-Tags"].split(",")[0] for headers in self.sent]

    def acknowledged(self, *_arguments: object, receipts: list[Receipt], **_named: object) -> None:
        self.receipts += receipts

    def offer(self, _edge: Edge, rows: list[Row], **_named: object) -> None:
        self.offered = rows


@pytest.fixture
def place() -> Place:
    """Make a bulk in batch 1 that takes three requests."""
    place = Place()
    place.add(*(f"{number:03}" + "x" * 57 for number in range(300)))
    return place


def test_a_single_ban_that_comes_during_a_bulk_goes_before_the_rest_of_it_once(place: Place) -> None:
    place.take(Deliver(0, 1))
    place.add("single")
    for _ in range(2):
        place.take(Deliver(0, 2))
    place.take(Deliver(1, 2))
    tags = place.first_tags()
    assert [tag[:5] for tag in tags] == ["i:000", "i:sin", "i:111", "i:222", "i:sin"]
    assert place.sent[1] == {"Takedown-Tags": "i:single", "Takedown-Part-Of": "2", "Takedown-After": "0:none"}
    assert [headers.get("Takedown-Batch") for headers in place.sent] == [None, None, None, "1:i1", "2:i2"]
    assert place.worker.acknowledged == 2


def test_a_single_ban_that_comes_between_two_plans_of_a_bulk_goes_first_in_the_second(place: Place) -> None:
    for _ in range(3):
        place.take(Deliver(0, 1))
    place.add(*(f"b{number:03}" + "x" * 56 for number in range(200)))
    place.add("single")
    place.sent.clear()
    for _ in range(2):
        place.take(Deliver(1, 3))
    assert [tag[:5] for tag in place.first_tags()] == ["i:sin", "i:b11"]
    assert place.worker.acknowledged == 3


def test_the_other_edges_have_their_turn_whatever_a_worker_has_to_do(place: Place) -> None:
    """A batch without rows takes no request, so that there is no answer to wait for."""
    batches, turns = 50, 0
    for number in range(batches):
        place.add(*([f"one{number}"] if number % 2 else []))
    place.worker._next_step = lambda: Deliver(place.worker.acknowledged, place.worker.acknowledged + 1)  # type: ignore[method-assign]

    async def share() -> None:
        nonlocal turns
        running = asyncio.create_task(place.worker.run())
        while place.worker.acknowledged < batches:
            await asyncio.sleep(0)
            turns += 1
        place.worker._halted = True
        await running

    asyncio.run(share())
    assert turns >= batches


def test_the_loop_goes_on_while_the_rows_of_a_step_are_read_or_a_position_is_looked_up(place: Place) -> None:
    readers = set[str]()

    def read(*_arguments: object) -> None:
        readers.add(threading.current_thread().name)

    place.worker._batches.plan = read  # type: ignore[method-assign, assignment]
    place.worker._batches.knows = read  # type: ignore[method-assign, assignment]
    place.take(Deliver(5, 6))
    asyncio.run(place.worker._knows(Position(5, "i5")))
    assert readers == {"reader_0"}


def test_a_single_ban_goes_before_the_rebound_of_a_bulk(place: Place) -> None:
    for _ in range(3):
        place.take(Deliver(0, 1))
    place.add("single")
    del place.sent[:]
    for _ in range(3):
        place.take(Rebound(0, 0, 1))
    assert [tag[:5] for tag in place.first_tags()] == ["i:sin", "i:000", "i:111", "i:222"]
    assert not any("Takedown-Batch" in headers for headers in place.sent)


def test_a_purger_that_may_have_lost_the_edge_sends_rebounds_only(place: Place) -> None:
    for _ in range(3):
        place.take(Deliver(0, 1))
    place.add("single")
    place.holds = False
    del place.sent[:]
    place.take(Rebound(0, 0, 1))
    assert [tag[:5] for tag in place.first_tags()] == ["i:000"]


def test_a_plan_of_one_request_is_sent_as_it_is(place: Place) -> None:
    for _ in range(3):
        place.take(Deliver(0, 1))
    place.add("single")
    place.take(Deliver(1, 2))
    assert len(place.sent) == 4


def test_new_bans_and_a_rebound_that_is_due_share_a_request(place: Place) -> None:
    for _ in range(3):
        place.take(Deliver(0, 1))
    place.worker._progress.rebounded(0, 1)
    place.batches.apart = 1
    for number in range(4):
        place.add(f"one{number}")
    place.take(Deliver(1, 3))
    del place.sent[:], place.receipts[:]
    place.take(Deliver(3, 5, Rebound(0, 1, 3)))
    assert place.sent == [
        {"Takedown-Tags": "i:one0,i:one1,i:one2,i:one3", "Takedown-Batch": "5:i5", "Takedown-After": "0:none"}
    ]
    assert place.worker._progress.rebounds[0].done == 3
    assert [(each.first, each.last) for each in place.receipts] == [(4, 5)]
    assert [row.batch for row in place.offered] == [5, 4], "what was probed already is not probed again"


@pytest.mark.parametrize("overdue", [False, True])
def test_a_rebound_that_needs_a_request_of_its_own_goes_first_only_if_it_is_overdue(
    place: Place, overdue: bool
) -> None:
    place.take(Deliver(0, 1))
    place.worker._progress.rebounded(0, 1)
    place.add("cat")
    place.worker._progress.delivered(2, at=0.0)
    place.add("dog")
    del place.sent[:]
    place.take(Deliver(2, 3, Rebound(0, 1, 2), rebound_first=overdue))
    assert place.first_tags() == (["i:cat"] if overdue else ["i:dog"])
    assert place.worker._progress.rebounds[0].done == (2 if overdue else 1)


def test_all_plans_in_flight_are_sent_again_in_their_order_after_an_error(place: Place) -> None:
    place.add(*(f"b{number:03}" + "x" * 56 for number in range(300)))
    place.room, place.broken = 5, True
    with pytest.raises(UnreachableError):
        place.take(Deliver(0, 2))
    assert [tag[:5] for tag in place.first_tags()] == ["i:000", "i:111", "i:222", "i:b00", "i:b11"]
    place.worker._give_up()
    place.sent.clear()
    place.room, place.broken = 6, False
    place.take(Deliver(0, 2))
    assert [tag[:5] for tag in place.first_tags()] == ["i:000", "i:111", "i:222", "i:b00", "i:b11", "i:b22"]
    assert place.worker.acknowledged == 2
