"""Sends plans of batches to one edge: when a bulk begins, in which order, and with which position in each request.

A plan may have hundreds of requests, and two things must not wait for them:

- A heartbeat: a delivery stops after a fraction of a second, and goes on later from where it stopped (``PlanRun``).
- A single ban that is committed during a bulk, such as the one that a moderator is looking at: it is urgent, and goes
  out between the requests of the bulk (``UrgentBans``). It goes out again in its turn, and only that counts for
  progress, receipts and leases.

A bulk itself begins a moment late (``BulkDelay``): while the database still numbers its rows, a delivery of those that
have a number would take as many requests as one of all of them.

Each request names the batch that it belongs to and the position at which the edge should be. Only the last one of a
plan moves the edge to the plan's last batch.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from purger.edge.answer import EdgeAnswer
from purger.edge.errors import MalformedError
from purger.edge.purge_request import Headers, Request, moving, part_of
from purger.model import Edge, Position, ProbeResult, Row, probe_result_of
from purger.outbox.batches import Batches
from purger.outbox.plan import DELIVERY, SINGLES, DeliveryPlan, make_plan

log = logging.getLogger(__name__)

#: Longest time in seconds for which a delivery is put off. Lists are cut by last characters, some 60 of them: a
#: delivery of 2,000 codes takes as many requests as one of 20,000, and hits are tested against each of them.
_LONGEST_DELAY = 0.2

#: Rows that are worth a delivery at once: their lists are nearly full.
_ENOUGH = 20_000


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

    def headers(self, at: Position, *, moves: bool) -> Headers:
        """Make the headers of a request to an edge ``at`` a position.

        ``moves``: the request brings the edge to the plan's last batch, unless the edge is further by now.
        """
        if moves and self.plan.position and at.batch < self.plan.last:
            return moving(self.plan.position, at)
        return part_of(self.plan.last, at)


class UrgentBans:
    """Chooses the single bans that one edge is sent out of turn, each once."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self._seen = 0
        self._waiting: deque[Row] = deque()

    def find_during(self, bulk: PlanRun) -> None:
        """Add the single bans that came since the last call, while ``bulk`` is sent.

        Those of the bulk itself go before it if that takes fewer requests than are left of it.
        """
        self._seen, rows = self._batches.urgent_since(self._seen)
        plan = bulk.plan
        if plan.method != "ban" or len(plan.requests) < 2:
            self._waiting.clear()  # their turn comes at once
            return
        inside = [row for row in rows if plan.first <= row.batch <= plan.last]
        if len(inside) < len(bulk.requests):
            self._waiting += inside
        self._waiting += [row for row in rows if row.batch > plan.last]

    def find_after(self, after: int) -> None:
        """Add the single bans of batches after ``after`` that came since the last call, while no bulk is sent."""
        self._seen, rows = self._batches.urgent_since(self._seen)
        self._waiting += [row for row in rows if row.batch > after]

    def next(self, after: int) -> PlanRun | None:
        """Take the next single ban of batches after ``after``; None if none is left."""
        while self._waiting:
            row = self._waiting.popleft()
            if row.batch > after:
                return PlanRun(make_plan([row], row.batch, row.batch))
        return None


class BulkDelay:
    """Decides for how long one edge's next delivery is put off, since the rows of a bulk are still being numbered."""

    def __init__(self, batches: Batches, more_to_come: Callable[[], bool]) -> None:
        """Put deliveries off while ``more_to_come`` returns True: committed rows wait for their numbers."""
        self._batches = batches
        self._more_to_come = more_to_come
        self._after: int | None = None
        self._until = 0.0

    def seconds(self, after: int, head: int, *, now: float) -> float:
        """Return the seconds for which to put off the batches after ``after`` up to ``head``; 0.0: deliver them now."""
        if not self._more_to_come() or not SINGLES < self._batches.count(after, head) < _ENOUGH:
            self._after = None
            return 0.0
        if self._after != after:
            self._after, self._until = after, now + _LONGEST_DELAY
        return max(0.0, self._until - now)


class PlanSender:
    """Sends plans of batches to one edge; for one thread."""

    def __init__(
        self,
        batches: Batches,
        send: Callable[[Request], EdgeAnswer],
        position: Callable[[], Position],
        record: Callable[[Iterable[ProbeResult]], None],
    ) -> None:
        """Send by ``send``, which returns the acknowledgement.

        ``position`` returns the edge's position after the last request. ``record`` takes what urgent bans removed.
        """
        self._batches = batches
        self._send = send
        self._position = position
        self._record = record
        self._urgent = UrgentBans(batches)

    def plan(self, after: int, head: int, requests: int) -> PlanRun:
        """Plan the batches after ``after`` up to ``head``, or some of them; raises what ``Batches.plan`` raises."""
        return PlanRun(self._batches.plan(after, head, requests))

    def deliver(self, edge: Edge, plan_run: PlanRun) -> bool:
        """Send the remaining requests of ``plan_run`` to an edge, and urgent bans between them.

        Returns False when some remain after ``DELIVERY`` seconds: a heartbeat may be due before these. Raises
        ``DeliveryError`` and ``RefusedPlanError``.
        """
        until = time.monotonic() + DELIVERY
        while plan_run.requests:
            self._urgent.find_during(plan_run)
            self._send_urgent(edge, plan_run.plan.first - 1, until)
            if time.monotonic() > until:
                return False
            self.send_next(edge, plan_run, moves=len(plan_run.requests) == 1)
        return True

    def send_urgent(self, edge: Edge, after: int) -> None:
        """Send the single bans of batches after ``after`` that came meanwhile, before the bulk that they are among.

        Raises as ``deliver``.
        """
        self._urgent.find_after(after)
        self._send_urgent(edge, after, time.monotonic() + DELIVERY)

    def send_next(self, edge: Edge, plan_run: PlanRun, *, moves: bool = False) -> None:
        """Send the next request of ``plan_run``; raises as ``deliver``.

        ``moves``: it brings the edge to the plan's last batch. A request that is sent again never does. Each names the
        position at which the edge is by now, wherever it was when the plan was made.
        """
        request = plan_run.requests[0]
        try:
            answer = self._send(request.with_headers(plan_run.headers(self._position(), moves=moves)))
        except MalformedError as error:
            log.error("edge %s calls %s %s malformed: %s", edge.name, request.method, request.path, error)
            raise RefusedPlanError from error
        plan_run.probe_results += [probe_result_of(edge, row, removed=answer.removed) for row in request.rows]
        del plan_run.requests[0]

    def _send_urgent(self, edge: Edge, after: int, until: float) -> None:
        while time.monotonic() <= until and (urgent := self._urgent.next(after)):
            self.send_next(edge, urgent)
            self._record(urgent.probe_results)
