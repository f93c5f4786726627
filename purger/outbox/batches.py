"""Keeps the newest batches in memory, reads older ones once for all edges, and shares the plans made of them."""

import threading
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import NamedTuple

from purger.model import Position, Row
from purger.outbox.outbox import Outbox
from purger.outbox.plan import SINGLES, URGENT, DeliveryPlan, make_plan

#: Most urgent bans kept for edges that are in the middle of a bulk.
_URGENT_KEPT = 200

#: Most positions kept that the database has given: all edges together name a few.
_POSITIONS_KEPT = 1000


class _Batch(NamedTuple):
    """The rows of one batch."""

    identity: str | None
    rows: list[Row]


class Batches:
    """New batches in memory, older ones from the database; safe for use from many threads."""

    def __init__(
        self, outbox: Outbox, *, rows_kept: int = 50_000, rows_a_plan: int = 20_000, plans_kept: int = 8
    ) -> None:
        """Read older batches through ``outbox``, an outbox that nothing else uses.

        The sizes bound the memory: 250 bytes a row, 20 bytes a code in a plan.
        """
        self._outbox = outbox
        self._rows_kept = rows_kept
        self._rows_a_plan = rows_a_plan
        self._plans_kept = plans_kept
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._batches: OrderedDict[int, _Batch] = OrderedDict()  # every batch from the first key to the last
        self._count = 0
        self._plans: OrderedDict[tuple[int, int, int], DeliveryPlan] = OrderedDict()
        self._positions: set[Position] = set()  # that the database has given
        self._forgotten = 0  # calls of ``forget``: rows read before the last one are of a database that went back
        self._largest = 0  # id of a row
        self._urgent: deque[Row] = deque(maxlen=_URGENT_KEPT)
        self._urgent_count = 0

    def add(self, after: int, last: int, rows: list[Row], identities: Mapping[int, str]) -> None:
        """Keep the rows of the batches after ``after`` up to ``last``. The poller calls it before it wakes the workers.

        ``identities`` are those of the batches; one of unknown identity is read again from the database.

        A few bans with ids beyond all earlier ones are urgent: an edge that is in the middle of a bulk is sent them at
        once. Rows of a bulk itself do not count as such: its newest rows are numbered first.
        """
        with self._lock:
            beyond = [row for row in rows if row.id > self._largest and row.cause in URGENT]
            self._largest = max(self._largest, *(row.id for row in rows), 0)
            if len(beyond) <= SINGLES:
                self._urgent.extend(beyond)
                self._urgent_count += len(beyond)
            if self._batches and next(reversed(self._batches)) != after:
                self._forget()
            for batch in range(after + 1, last + 1):
                self._batches[batch] = _Batch(identities.get(batch), [])
            for row in rows:
                self._batches[row.batch].rows.append(row)
            self._count += len(rows)
            while self._count > self._rows_kept and len(self._batches) > 1:
                self._count -= len(self._batches.popitem(last=False)[1].rows)

    def forget(self) -> None:
        """Drop everything: the database has gone back to an earlier state, and gives the numbers to other batches."""
        with self._lock:
            self._forget()
            self._positions.clear()
            self._forgotten += 1
            self._largest = 0

    def urgent_since(self, count: int) -> tuple[int, list[Row]]:
        """Return the count of urgent bans so far, and those after the first ``count``, as far as they are kept."""
        with self._lock:
            fresh = min(self._urgent_count - count, len(self._urgent))
            return self._urgent_count, list(self._urgent)[len(self._urgent) - fresh :]

    def count(self, after: int, head: int) -> int:
        """Count the rows of the batches after ``after`` up to ``head``; 0 when they are not all in memory."""
        with self._lock:
            if after + 1 not in self._batches or head not in self._batches:
                return 0
            return sum(len(self._batches[batch].rows) for batch in range(after + 1, head + 1))

    def plan(self, after: int, head: int, requests: int = 256) -> DeliveryPlan:
        """Plan the delivery of the batches after ``after`` up to ``head``, or of the first 20 000 rows of them.

        ``requests`` is the most that may follow each other at that edge (``plan.affordable``).

        Raises ``PrunedError`` when rows in between may have left the outbox, ``MalformedRowError`` when no purge can be
        made of one, ``DatabaseUnavailableError`` when older rows are needed and cannot be read.
        """
        with self._lock:
            plan = self._from_memory(after, head, requests)
        if plan is None:
            # One reader: after an outage many edges want the same old rows at the same time.
            with self._reading:
                with self._lock:
                    plan, forgotten = self._plans.get((after, head, requests)), self._forgotten
                if plan is None:
                    last = self._outbox.reach(after, head, self._rows_a_plan)
                    rows = self._outbox.rows(after, last.batch)
                    plan = make_plan(rows, after + 1, last.batch, requests, identity=last.identity)
                    with self._lock:
                        if forgotten == self._forgotten:
                            self._keep((after, head, requests), plan)
        return plan

    def knows(self, position: Position) -> bool:
        """Tell whether the database has given this batch this identity. Raises ``DatabaseUnavailableError``.

        When a purger starts, all edges name their positions, mostly the same one: the database is asked once for each
        position.
        """
        with self._reading:
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

    def _from_memory(self, after: int, head: int, requests: int) -> DeliveryPlan | None:
        plan = self._plans.get((after, head, requests))
        if plan is None and after + 1 in self._batches and head in self._batches:
            rows: list[Row] = []
            for last in range(after + 1, head + 1):
                rows += self._batches[last].rows
                if len(rows) >= self._rows_a_plan:
                    break
            if (identity := self._batches[last].identity) is not None:
                plan = make_plan(rows, after + 1, last, requests, identity=identity)
                self._keep((after, head, requests), plan)
        return plan

    def _keep(self, key: tuple[int, int, int], plan: DeliveryPlan) -> None:
        self._plans[key] = plan
        while len(self._plans) > self._plans_kept:
            self._plans.popitem(last=False)

    def _forget(self) -> None:
        self._batches.clear()
        self._plans.clear()
        self._count = 0
