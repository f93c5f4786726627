"""Sends the requests of a plan to one edge, each with its batch, and urgent bans between them."""

import logging
import time
from collections.abc import Callable

from purger.delivery.plan_run import PlanRun
from purger.delivery.urgent_bans import UrgentBans
from purger.edge.client import Answer
from purger.edge.errors import MalformedError
from purger.edge.purge_request import Request
from purger.model import Edge, Position, ProbeResult, probe_result_of
from purger.outbox.batches import Batches
from purger.outbox.plan import DELIVERY

log = logging.getLogger(__name__)


class RefusedPlanError(Exception):
    """The edge calls a purge malformed. It must not block those behind it, so the edge has to be flushed.

    The text is the reason for the flush.
    """

    def __init__(self) -> None:
        super().__init__("a purge that it calls malformed must not block it")


class PlanSender:
    """Sends plans of batches to one edge; for one thread."""

    def __init__(self, batches: Batches, send: Callable[[Request], Answer], at: Callable[[], Position]) -> None:
        """Send by ``send``, which returns the acknowledgement; ``at`` returns the position after the last one."""
        self._batches = batches
        self._send = send
        self._at = at
        self._singles = UrgentBans(batches)
        self._probe_results: list[ProbeResult] = []  # of requests that went out of turn

    def plan(self, after: int, head: int, requests: int) -> PlanRun:
        """Plan the batches after ``after`` up to ``head``, or some of them; raises what ``Batches.plan`` raises."""
        plan = self._batches.plan(after, head, requests)
        return PlanRun(plan, list(plan.requests))

    def deliver(self, edge: Edge, plan_run: PlanRun) -> bool:
        """Send what is left of ``plan_run`` to an edge, and single bans that come meanwhile.

        Only the last request moves the edge's position. Returns False when it is not done within a fraction of a
        second: a heartbeat may be due before the rest. Raises ``DeliveryError`` and ``RefusedPlanError``.
        """
        until = time.monotonic() + DELIVERY
        while plan_run.requests:
            self._send_singles(edge, plan_run, until)
            if time.monotonic() > until:
                return False
            last = len(plan_run.requests) == 1
            self.carry_out(edge, plan_run, moves=last)
        return True

    def _send_singles(self, edge: Edge, bulk: PlanRun, until: float) -> None:
        """Send single bans that came meanwhile, up to the moment ``until``.

        Progress, and with it receipts and leases, knows nothing of them; what they removed is kept.
        """
        self._singles.find(bulk)
        self._send_found(edge, bulk.plan.first - 1, until)

    def send_singles(self, edge: Edge, after: int) -> None:
        """Send the single bans of batches after ``after`` that came meanwhile, before the bulk that they are among."""
        self._singles.find_after(after)
        self._send_found(edge, after, time.monotonic() + DELIVERY)

    def _send_found(self, edge: Edge, after: int, until: float) -> None:
        while time.monotonic() <= until and (single := self._singles.next(after)):
            self.carry_out(edge, single)
            self._probe_results += single.probe_results

    def take_probe_results(self) -> list[ProbeResult]:
        """Take the probe results of single bans since the last call."""
        taken, self._probe_results = self._probe_results, []
        return taken

    def carry_out(self, edge: Edge, plan_run: PlanRun, *, moves: bool = False) -> None:
        """Send the first of the requests that are left; raises as ``deliver``.

        ``moves``: it brings the edge to the plan's last batch. Otherwise it is a part, as is each one sent again. Both
        name the position at which the edge is by now, wherever it was when the plan was made.
        """
        request = plan_run.requests[0]
        headers = plan_run.move_headers(self._at()) if moves else plan_run.part_headers(self._at())
        try:
            answer = self._send(request.with_headers(headers))
        except MalformedError as error:
            log.error("edge %s calls %s %s malformed: %s", edge.name, request.method, request.path, error)
            raise RefusedPlanError from error
        plan_run.probe_results += [probe_result_of(edge, row, removed=answer.removed) for row in request.rows]
        del plan_run.requests[0]
