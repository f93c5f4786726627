"""Name the expected position in each request of a plan: an edge at another one removes the image, and stays there."""

from dataclasses import dataclass, field
from typing import cast

import pytest

from purger.delivery.plan_sender import PlanSender, RefusedPlanError
from purger.edge.answer import EdgeAnswer
from purger.edge.errors import MalformedError
from purger.edge.purge_request import Request
from purger.model import Edge, Position, Row
from purger.outbox.batches import Batches
from purger.outbox.outbox import Outbox

EDGE = Edge("e", "http://127.0.0.1:1", "http://127.0.0.1:1", "/nowhere")
FIRST, SECOND = Position(4, "first"), Position(5, "second")


@dataclass
class Sent:
    """The requests to an edge that is ``at`` a position, and ``then`` at another after each. It takes no digests."""

    at: Position
    then: list[Position] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def send(self, request: Request) -> EdgeAnswer:
        if any(name == "Takedown-Digests" for name, _ in request.headers):
            raise MalformedError("an edge without digests")
        self.headers.append(dict(request.headers))
        if self.then:
            self.at = self.then.pop(0)
        return EdgeAnswer("instance", "1.000", 1, None, None, self.at)

    def sender(self, rows: list[Row]) -> PlanSender:
        batches = Batches(cast("Outbox", None))  # all that is planned is in memory
        batches.add(5, 6, rows, {6: "sixth"})
        return PlanSender(batches, self.send, lambda: self.at, lambda _: None)


def codes(count: int) -> list[Row]:
    return [Row(number, 6, "image", f"c{number}", "ban") for number in range(1, count + 1)]


def test_each_part_names_where_the_edge_is() -> None:
    sent = Sent(FIRST)
    sender = sent.sender(codes(3))
    assert sender.deliver(EDGE, sender.plan(5, 6, 256))
    part = {"Takedown-Part-Of": "6", "Takedown-After": "4:first"}
    last = {"Takedown-Batch": "6:sixth", "Takedown-After": "4:first"}
    assert sent.headers == [part, part, last]


def test_a_part_names_where_the_last_answer_found_the_edge() -> None:
    sent = Sent(FIRST, [SECOND])
    sender = sent.sender(codes(2))
    assert sender.deliver(EDGE, sender.plan(5, 6, 256))
    assert [headers["Takedown-After"] for headers in sent.headers] == ["4:first", "5:second"]


def test_a_rebound_names_where_the_edge_is_by_then() -> None:
    sent = Sent(Position(9, "ninth"))
    sender = sent.sender(codes(1))
    sender.send_next(EDGE, sender.plan(5, 6, 256))
    assert sent.headers == [{"Takedown-Part-Of": "6", "Takedown-After": "9:ninth"}]


def test_an_edge_that_calls_a_purge_malformed_is_to_be_flushed() -> None:
    sent = Sent(FIRST)
    sender = sent.sender([*codes(1), Row(2, 6, "digest", "0" * 64, "ban")])
    with pytest.raises(RefusedPlanError, match="a purge that it calls malformed"):
        sender.deliver(EDGE, sender.plan(5, 6, 256))
    assert len(sent.headers) == 1, "the code went before"
