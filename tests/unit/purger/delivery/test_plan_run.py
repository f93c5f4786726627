"""Name the expected position in each request of a plan: an edge at another one removes the image, and stays there."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from purger.delivery.plan_run import PlanRun, urgent_run
from purger.delivery.session import EdgeSession
from purger.edge.answer import EdgeAnswer
from purger.edge.purge_request import Request
from purger.model import Edge, Position, Row
from purger.outbox.plan import make_plan

EDGE = Edge("e", "http://127.0.0.1:1", "http://127.0.0.1:1", "/nowhere")
FIRST, SECOND = Position(4, "first"), Position(5, "second")
PART = {"Takedown-Part-Of": "6", "Takedown-After": "4:first"}


@dataclass
class Session:
    """Keeps the requests to an edge that is at a position, and ``then`` at another after each."""

    position: Position
    then: list[Position] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    done: list[Callable[[EdgeAnswer], None]] = field(default_factory=list)
    edge: Edge = EDGE

    async def start(self, request: Request, done: Callable[[EdgeAnswer], None]) -> None:
        headers = dict(request.headers)
        del headers["Takedown-Tags"]
        self.headers.append(headers)
        self.done.append(done)
        if self.then:
            self.position = self.then.pop(0)

    def send_all(self, plan_run: PlanRun, *, moves: bool) -> None:
        plan_run.moves = moves
        asyncio.run(self._send_all(plan_run))
        for done in self.done:
            done(EdgeAnswer("instance", "1.000", 3, None, None, self.position))
        self.done.clear()

    async def _send_all(self, plan_run: PlanRun) -> None:
        while not plan_run.is_sent:
            await plan_run.start_next(cast("EdgeSession", self))


def codes(count: int) -> list[Row]:
    return [Row(number, 6, "image", f"c{number}", "ban") for number in range(1, count + 1)]


def plan_run(*rows: Row) -> PlanRun:
    return PlanRun(make_plan(rows, 6, 6, identity="sixth"))


def test_only_the_last_request_moves_the_edge_and_each_names_where_it_is() -> None:
    session = Session(FIRST)
    session.send_all(plan_run(*codes(3)), moves=True)
    assert session.headers == [PART, PART, {"Takedown-Batch": "6:sixth", "Takedown-After": "4:first"}]


def test_a_part_names_where_the_last_answer_found_the_edge() -> None:
    session = Session(FIRST, [SECOND])
    session.send_all(plan_run(*codes(2)), moves=True)
    assert [headers["Takedown-After"] for headers in session.headers] == ["4:first", "5:second"]


def test_a_rebound_moves_no_edge() -> None:
    session = Session(Position(9, "ninth"))
    session.send_all(plan_run(*codes(1)), moves=False)
    session.send_all(plan_run(*codes(1)), moves=True)
    assert session.headers == 2 * [{"Takedown-Part-Of": "6", "Takedown-After": "9:ninth"}]


def test_a_single_ban_out_of_turn_names_its_own_batch_and_moves_no_edge() -> None:
    session = Session(FIRST)
    session.send_all(urgent_run([codes(1)[0], Row(9, 7, "owner", "joe", "ban")]), moves=True)
    assert session.headers == 2 * [PART | {"Takedown-Part-Of": "7"}]


def test_the_count_of_removed_objects_is_recorded_for_a_subject_that_went_apart() -> None:
    few, many = plan_run(*codes(2)), plan_run(*codes(30))
    session = Session(FIRST)
    session.send_all(few, moves=True)
    session.send_all(many, moves=True)
    assert [(each.invalidation, each.removed) for each in few.probe_results] == [(1, 3), (2, 3)]
    assert many.probe_results == []
