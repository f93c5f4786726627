"""Chooses the urgent bans: single ones that are sent to an edge out of turn, in the middle of a bulk."""

from collections import deque

from purger.delivery.plan_run import PlanRun
from purger.model import Row
from purger.outbox.batches import Batches
from purger.outbox.plan import make_plan


class UrgentBans:
    """The single bans that one edge has yet to be sent. They are sent again in their turn, and count only then."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self._seen = 0
        self._waiting: deque[Row] = deque()

    def find(self, bulk: PlanRun) -> None:
        """Add the single bans that came since the last call, while ``bulk`` is sent.

        Those of the bulk itself go before it where that takes fewer requests than are left of it.
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
        """Add the single bans of batches after ``after`` that came since the last call, while none of these is sent."""
        self._seen, rows = self._batches.urgent_since(self._seen)
        self._waiting += [row for row in rows if row.batch > after]

    def next(self, after: int) -> PlanRun | None:
        """Take the next single ban of batches after ``after``; None when there is none."""
        while self._waiting:
            row = self._waiting.popleft()
            if row.batch > after:
                plan = make_plan([row], row.batch, row.batch)
                return PlanRun(plan, list(plan.requests))
        return None
