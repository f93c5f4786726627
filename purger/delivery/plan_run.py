"""Sends the requests of a plan to one edge, several in flight, each with the position at which the edge should be.

A plan of a bulk has many requests, and two things must not wait for them: a heartbeat, and a single ban that is
committed meanwhile, such as the one that a moderator is looking at (``urgent_run``). Both go before the next of them.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from purger.delivery.session import EdgeSession
from purger.edge.answer import EdgeAnswer
from purger.edge.purge_request import Request
from purger.model import ProbeResult, Row, probe_result_of
from purger.outbox.plan import DeliveryPlan, make_plan
from purger.progress.steps import Rebound


@dataclass(slots=True)
class PlanRun:
    """A plan in progress. ``moves``: its last request brings the edge to the plan's last batch.

    With a ``rebound`` its request sends batches again that the edge has acknowledged, besides those after ``after``.
    """

    plan: DeliveryPlan
    moves: bool = False
    rebound: Rebound | None = None
    after: int = -1
    requests: list[Request] = field(init=False)  # that the edge has yet to acknowledge
    in_flight: int = 0  # of these, from the first one
    sent_at: float = 0.0  # when its last request was sent, by the monotonic clock
    probe_results: list[ProbeResult] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.requests = list(self.plan.requests)
        if self.rebound is None:
            self.after = self.plan.first - 1

    @property
    def is_sent(self) -> bool:
        """Whether all requests are in flight, or acknowledged."""
        return self.in_flight == len(self.requests)

    async def start_next(self, session: EdgeSession) -> None:
        """Send the next request. Raises ``DeliveryError`` and ``RefusedPlanError``.

        The last one moves the edge, unless the edge is further by now. All others, and those that are sent again, are
        parts. Each names the position at which the edge is by then, wherever it was when the plan was made.
        """
        request, at = self.requests[self.in_flight], session.position
        is_last = self.in_flight == len(self.requests) - 1
        if self.moves and is_last and self.plan.position and at.batch < self.plan.last:
            request = request.moving(self.plan.position, at)
        else:
            request = request.part_of(self.plan.last, at)
        await session.start(request, partial(self._acknowledged, session))
        self.in_flight += 1
        self.sent_at = time.monotonic()

    def _acknowledged(self, session: EdgeSession, answer: EdgeAnswer) -> None:
        request = self.requests.pop(0)
        self.in_flight -= 1
        self.probe_results += [probe_result_of(session.edge, row, removed=answer.removed) for row in request.rows]


def urgent_run(rows: Sequence[Row]) -> PlanRun:
    """Make the run of ``rows`` that go out of turn. They go out again in their turn, and only that is recorded."""
    return PlanRun(make_plan(rows, rows[0].batch, rows[-1].batch))
