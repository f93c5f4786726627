"""Takes one edge through the requests of a plan, and names to it the batch that each is part of."""

import logging
import time
from collections.abc import Callable

from purger.backlog import Backlog
from purger.carrying import Carrying
from purger.delivery import Answer
from purger.errors import MalformedError
from purger.model import Edge, Position, Sighting, sighting_of
from purger.plan import DELIVERY, Request
from purger.singles import Singles

log = logging.getLogger(__name__)


class RefusedPlanError(Exception):
    """The edge calls a purge malformed. It must not block those behind it: the edge is to be flushed."""


class Carrier:
    """Sends plans of the backlog to one edge; for one thread."""

    def __init__(self, backlog: Backlog, send: Callable[[Request], Answer], at: Callable[[], Position | None]) -> None:
        """``send`` sends one request and returns the acknowledgement. ``at`` tells where the last one left the edge."""
        self._backlog = backlog
        self._send = send
        self._at = at
        self._singles = Singles(backlog)
        self._knows_owner_lists = True  # edges of version 0.1 do not
        self._sightings: list[Sighting] = []  # of requests that went out of turn

    def begin_anew(self) -> None:
        """Forget what was learnt of the edge: it may be another one, or have been upgraded."""
        self._knows_owner_lists = True

    def plan(self, after: int, head: int, requests: int) -> Carrying:
        """Plan the batches after ``after`` up to ``head``, or some of them; raises what ``Backlog.plan`` raises."""
        plan = self._backlog.plan(after, head, requests)
        carrying = Carrying(plan, list(plan.requests))
        if not self._knows_owner_lists:
            carrying.cut_lists()
        return carrying

    def deliver(self, edge: Edge, carrying: Carrying) -> bool:
        """Send what is left of ``carrying`` to an edge, and single bans that come meanwhile.

        Only the last request moves the edge's position. Returns False when it is not done within a fraction of a
        second: a heartbeat may be due before the rest. Raises ``DeliveryError`` and ``RefusedPlanError``.
        """
        until = time.monotonic() + DELIVERY
        while carrying.requests:
            self._send_singles(edge, carrying, until)
            if time.monotonic() > until:
                return False
            last = len(carrying.requests) == 1
            self.carry_out(edge, carrying, moves=last)
        return True

    def _send_singles(self, edge: Edge, bulk: Carrying, until: float) -> None:
        """Send single bans that came meanwhile, up to the moment ``until``.

        Progress, and with it receipts and leases, knows nothing of them; what they removed is kept.
        """
        self._singles.find(bulk)
        while time.monotonic() <= until and (single := self._singles.next(bulk)):
            self.carry_out(edge, single)
            self._sightings += single.sightings

    def take_sightings(self) -> list[Sighting]:
        """Take what single bans removed since the last call."""
        taken, self._sightings = self._sightings, []
        return taken

    def carry_out(self, edge: Edge, carrying: Carrying, *, moves: bool = False) -> None:
        """Send the first of the requests that are left; raises as ``deliver``.

        ``moves``: it brings the edge to the plan's last batch. Otherwise it is a part, as is each one sent again. Both
        name the position at which the edge is by now, wherever it was when the plan was made.
        """
        request = carrying.requests[0]
        names = carrying.moves(self._at()) if moves else carrying.is_part(self._at())
        try:
            answer = self._send(request.naming(names))
        except MalformedError as error:
            if not carrying.cut_list():
                log.error("edge %s calls %s %s malformed: %s", edge.name, request.method, request.path, error)
                raise RefusedPlanError from error
            if self._knows_owner_lists:
                log.info("edge %s takes no lists of owners, as before 0.2: they go one by one", edge.name)
            self._knows_owner_lists = False
            carrying.cut_lists()
            return
        carrying.sightings += [sighting_of(edge, row, removed=answer.removed) for row in request.rows]
        del carrying.requests[0]
