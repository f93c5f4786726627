"""Keep what blocks out of the loop of all edges: look-ups of names, and reads of older rows."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest

from purger.delivery.workers import EdgeWorkers
from purger.model import Position, Row
from purger.outbox.batches import Batches
from purger.outbox.outbox import Outbox
from purger.outbox.poller import Known, Poller
from stack.processes.waiting import PATIENCE, wait_until

#: More than asyncio's own threads, of which a machine with few cores has five.
SLOW = 40


class SlowOutbox:
    """An outbox whose reads end when they may."""

    def __init__(self) -> None:
        self.may_end = threading.Event()

    def reach(self, _after: int, head: int, _limit: int) -> Position:
        self.may_end.wait(PATIENCE)
        return Position(head, "i")

    def rows(self, _after: int, last: int) -> list[Row]:
        return [Row(1, last, "image", "cat", "ban")]


class Woken:
    """A worker that notes what is announced when it is woken."""

    def __init__(self, workers: EdgeWorkers, woken: list[int]) -> None:
        self._workers, self._woken = workers, woken

    def wake(self) -> None:
        self._woken.append(self._workers.pace.announced)


@pytest.fixture
def outbox() -> SlowOutbox:
    return SlowOutbox()


@pytest.fixture
def batches(outbox: SlowOutbox) -> Batches:
    return Batches(cast("Outbox", outbox))


@pytest.fixture
def loop(batches: Batches) -> Iterator[asyncio.AbstractEventLoop]:
    """Run the loop of a purger without edges."""
    poller = Poller(cast("Outbox", None), batches, interval=1.0, stop=threading.Event())
    nothing = cast("Any", None)
    workers = EdgeWorkers(nothing, poller, batches, nothing, nothing, interval=1.0, new_worker=nothing)
    workers.start()
    yield workers._loop
    workers.close(PATIENCE)
    assert not workers.is_alive()


def test_a_round_wakes_all_workers_with_what_was_found_also_if_it_was_delayed(batches: Batches) -> None:
    """No worker takes the announcement from the others, whatever it does when the batch is found."""
    woken = list[int]()
    nothing = cast("Any", None)
    poller = Poller(cast("Outbox", None), batches, interval=1.0, stop=threading.Event())
    workers = EdgeWorkers(nothing, poller, batches, nothing, nothing, interval=1.0, new_worker=nothing)
    workers._workers = {f"edge{number}": cast("Any", Woken(workers, woken)) for number in range(3)}
    workers.start()
    wait_until(lambda: woken == [0, 0, 0], "the first round")
    workers.pace.round_took(0.05, 1000)
    for batch in (1, 2):
        poller.known = Known(Position(batch, "i"), 0)
        poller.notify()
    wait_until(lambda: woken[-3:] == [2, 2, 2], "a round with both")
    workers.close(PATIENCE)
    assert all(woken.count(batch) % 3 == 0 for batch in woken)


def test_names_that_no_server_answers_hold_up_no_other_name(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = threading.Event()

    def getaddrinfo(host: str, *_arguments: object, **_named: object) -> list[Any]:
        if host != "quick":
            may_end.wait(PATIENCE)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    try:
        slow = [asyncio.run_coroutine_threadsafe(loop.getaddrinfo(f"slow{each}", 80), loop) for each in range(SLOW)]
        asyncio.run_coroutine_threadsafe(loop.getaddrinfo("quick", 80), loop).result(PATIENCE / 2)
        assert not any(each.done() for each in slow)
    finally:
        may_end.set()


def test_a_read_of_older_rows_holds_up_neither_the_loop_nor_names(
    loop: asyncio.AbstractEventLoop, batches: Batches, outbox: SlowOutbox
) -> None:
    async def plan() -> int:
        return (await loop.run_in_executor(batches.reader, batches.plan, 0, 5)).last

    reading = [asyncio.run_coroutine_threadsafe(plan(), loop) for _ in range(SLOW)]
    asyncio.run_coroutine_threadsafe(loop.getaddrinfo("127.0.0.1", 80), loop).result(PATIENCE / 2)
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(PATIENCE / 2)
    assert not any(each.done() for each in reading)
    outbox.may_end.set()
    assert {each.result(PATIENCE) for each in reading} == {5}
