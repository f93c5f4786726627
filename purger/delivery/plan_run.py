"""Sends the requests of a plan to one edge, one at a time, each with the position at which the edge should be.

A plan of a bulk has many requests, and two things must not wait for them: a heartbeat, which the worker sends between
them, and a single ban that is committed meanwhile, such as the one that a moderator is looking at (``urgent_run``).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from purger.delivery.session import EdgeSession
from purger.edge.errors import MalformedError
from purger.edge.purge_request import TAGS, Request, moving, part_of
from purger.model import ProbeResult, Row, probe_result_of
from purger.outbox.plan import DeliveryPlan, make_plan

log = logging.getLogger(__name__)


class RefusedPlanError(Exception):
    """The edge calls a purge malformed, so that it has to be flushed. The text is the reason for the flush."""

    def __init__(self) -> None:
        super().__init__("a purge that it calls malformed must not block it")


@dataclass(slots=True)
class PlanRun:
    """A plan in progress; ``requests`` are those that the edge has yet to acknowledge."""

    plan: DeliveryPlan
    requests: list[Request] = field(init=False)
    probe_results: list[ProbeResult] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.requests = list(self.plan.requests)

    def send_next(self, session: EdgeSession, *, moves: bool = False) -> None:
        """Send the next request. Raises ``DeliveryError`` and ``RefusedPlanError``.

        ``moves``: the last request brings the edge to the plan's last batch, unless the edge is further by now. All
        others, and those that are sent again, are parts. Each names the position at which the edge is by now, wherever
        it was when the plan was made.
        """
        request, at = self.requests[0], session.position
        if moves and len(self.requests) == 1 and self.plan.position and at.batch < self.plan.last:
            headers = moving(self.plan.position, at)
        else:
            headers = part_of(self.plan.last, at)
        try:
            answer = session.send(request.with_headers(headers))
        except MalformedError as error:
            tags = dict(request.headers)[TAGS]
            log.error("edge %s calls the purge of %.80s malformed: %s", session.edge.name, tags, error)
            raise RefusedPlanError from error
        self.probe_results += [probe_result_of(session.edge, row, removed=answer.removed) for row in request.rows]
        del self.requests[0]


def urgent_run(rows: Sequence[Row]) -> PlanRun:
    """Make the run of ``rows`` that go out of turn. They go out again in their turn, and only that is recorded."""
    return PlanRun(make_plan(rows, rows[0].batch, rows[-1].batch))
