"""Keeps the newest batches in memory, reads older ones once for all edges, and shares the plans made of them.

An edge that is behind gets whatever plan begins where it is, if that has enough rows: so all edges go through a bulk in
the same steps as the quickest one, and their rebounds after them, and each step is read and planned once.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from typing import NamedTuple

from purger.model import Position, Row
from purger.outbox.outbox import Outbox
from purger.outbox.plan import APART, URGENT, DeliveryPlan, make_plan

#: Most bans of a batch that are urgent: a person waits for each of a few.
_FEW = 20

#: Most urgent bans kept for edges that are in the middle of a bulk.
_URGENT_KEPT = 200

#: Rows of a plan that is used again, although there are more by now: those fill one list, at least.
_WORTHWHILE = 500

#: Rows that a plan counts as beyond its own, by the memory that it takes: so many plans of single bans are not kept.
_A_PLAN = 200

#: Most positions kept that the database has given: all edges together name a few.
_POSITIONS_KEPT = 1000


class _Batch(NamedTuple):
    """The rows of one batch."""

    identity: str | None
    rows: list[Row]


class Batches:
    """New batches in memory, older ones from the database; safe for use from many threads."""

    def __init__(
        self, outbox: Outbox, *, rows_kept: int = 50_000, rows_a_plan: int = 5_000, rows_planned: int = 300_000
    ) -> None:
        """Read older batches through ``outbox``, an outbox that nothing else uses.

        The sizes bound the memory: 250 bytes a row, and 20 to 70 bytes a row of the plans that are kept, so that
        rebounds read no rows again. The rows of a plan bound for how long making one holds up all edges.
        """
        self._outbox = outbox
        self._rows_kept = rows_kept
        self._rows_a_plan = rows_a_plan
        self._rows_planned = rows_planned
        self._lock = threading.Lock()
        #: Runs what reads the database: after an outage many edges want the same old rows at the same time. asyncio's
        #: own threads look up names of edges, which may take long.
        self.reader = ThreadPoolExecutor(1, "reader")
        self._batches: OrderedDict[int, _Batch] = OrderedDict()  # every batch from the first key to the last
        self._count = 0
        self._plans: OrderedDict[int, DeliveryPlan] = OrderedDict()  # by the batch after which they begin
        self._planned = 0  # rows of these plans
        self._positions: set[Position] = set()  # that the database has given
        #: Most subjects that go in a request each, of plans that are made from now on.
        self.apart = APART
        self._forgotten = 0  # calls of ``forget``: rows read before the last one are of a database that went back
        self._largest = 0  # id of a row
        self._urgent: deque[Row] = deque(maxlen=_URGENT_KEPT)

    def add(self, after: int, last: int, rows: list[Row], identities: Mapping[int, str]) -> None:
        """Keep the rows of the batches after ``after`` up to ``last``. The poller calls it before it wakes the workers.

        ``identities`` are those of the batches; one of unknown identity is read again from the database.

        A few bans with ids beyond all earlier ones are urgent: an edge that is in the middle of a bulk is sent them at
        once. Rows of a bulk itself do not count as such: its newest rows are numbered first.
        """
        with self._lock:
            if self._batches and next(reversed(self._batches)) != after:
                self._forget()
            for batch in range(after + 1, last + 1):
                self._batches[batch] = _Batch(identities.get(batch), [])
            for row in rows:
                self._batches[row.batch].rows.append(row)
            for batch in range(after + 1, last + 1):
                self._note_urgent(self._batches[batch].rows)
            self._count += len(rows)
            while self._count > self._rows_kept and len(self._batches) > 1:
                self._count -= len(self._batches.popitem(last=False)[1].rows)

    def forget(self) -> None:
        """Drop everything: the database has gone back to an earlier state, and gives the numbers to other batches."""
        with self._lock:
            self._forget()
            self._plans.clear()
            self._planned = 0
            self._positions.clear()
            self._urgent.clear()
            self._forgotten += 1
            self._largest = 0

    def urgent(self, after: int) -> list[Row]:
        """Return the urgent bans in batches after ``after``, as far as they are kept, the oldest first."""
        with self._lock:
            return [*takewhile(lambda row: row.batch > after, reversed(self._urgent))][::-1]

    def at_hand(self, after: int, head: int) -> DeliveryPlan | None:
        """Return what ``plan`` does, if it is in memory; None if older rows have to be read."""
        with self._lock:
            return self._kept(after, head) or self._from_memory(after, head)

    def plan(self, after: int, head: int) -> DeliveryPlan:
        """Plan the delivery of the batches after ``after`` up to ``head``, or of the first few thousand rows of them.

        Raises ``PrunedError`` when rows in between may have left the outbox, ``MalformedRowError`` when no purge can be
        made of one, ``DatabaseUnavailableError`` when older rows are needed and cannot be read.
        """
        plan = self.at_hand(after, head)
        if plan is None:
            forgotten = self._forgotten
            last = self._outbox.reach(after, head, self._rows_a_plan)
            rows = self._outbox.rows(after, last.batch)
            plan = make_plan(rows, after + 1, last.batch, identity=last.identity)
            with self._lock:
                if forgotten == self._forgotten:
                    self._keep(plan)
        return plan

    def knows(self, position: Position) -> bool:
        """Tell whether the database has given this batch this identity. Raises ``DatabaseUnavailableError``.

        When a purger starts, all edges name their positions, mostly the same one: the database is asked once for each
        position.
        """
        with self._lock:
            if position in self._positions:
                return True
            forgotten = self._forgotten
        if self._outbox.position(position.batch) != position.identity:
            return False
        with self._lock:
            if len(self._positions) >= _POSITIONS_KEPT:
                self._positions.clear()
            if forgotten == self._forgotten:
                self._positions.add(position)
        return True

    def _note_urgent(self, rows: list[Row]) -> None:
        """Keep the bans of one batch that are urgent. An answer may have a single ban's batch and those of a bulk."""
        beyond = [row for row in rows if row.id > self._largest and row.cause in URGENT]
        self._largest = max(self._largest, *(row.id for row in rows), 0)
        if len(beyond) <= _FEW:
            self._urgent.extend(beyond)

    def _kept(self, after: int, head: int) -> DeliveryPlan | None:
        plan = self._plans.get(after)
        if plan is None or plan.last > head or (plan.last < head and plan.rows < _WORTHWHILE):
            return None
        return plan

    def _from_memory(self, after: int, head: int) -> DeliveryPlan | None:
        if after + 1 not in self._batches or head not in self._batches:
            return None
        rows: list[Row] = []
        for last in range(after + 1, head + 1):
            rows += self._batches[last].rows
            if len(rows) >= self._rows_a_plan:
                break
        if (identity := self._batches[last].identity) is None:
            return None
        # Among few rows none waits for others.
        urgent = {row.id for row in self._urgent} if len(rows) > _FEW else ()
        plan = make_plan(rows, after + 1, last, identity=identity, urgent=urgent, apart=self.apart)
        self._keep(plan)
        return plan

    def _keep(self, plan: DeliveryPlan) -> None:
        if former := self._plans.pop(plan.first - 1, None):
            self._planned -= former.rows + _A_PLAN
        self._plans[plan.first - 1] = plan
        self._planned += plan.rows + _A_PLAN
        while self._planned > self._rows_planned and len(self._plans) > 1:
            self._planned -= self._plans.popitem(last=False)[1].rows + _A_PLAN

    def _forget(self) -> None:
        self._batches.clear()
        self._count = 0
