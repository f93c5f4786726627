"""Reads takedowns and how far they are at each edge, and waits for them.

"gone" is said only if every edge has acknowledged the purge and no probe has got the image from it since.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from purger.door.clients import Client
from purger.moderation.acknowledgement_wait import Target, WaitResult, wait_acknowledged
from purger.moderation.delivery_readiness import DeliveryReadiness, read_delivery_readiness
from takedown_base.scope import Scope
from takedown_db.connection.lasting_connection import Connection

#: Seconds between two looks for results of probes, which come some hundred milliseconds after the acknowledgement.
_PAUSE = 0.1

#: The largest id.
_NEWEST = 2**63


class Takedown(NamedTuple):
    """A ban, with the order that it came by. Times are UTC. The columns of the statement ``door_takedown``."""

    id: int
    scope: str
    subject: str
    reason: str
    banned_by: str
    banned_at: datetime
    lifted_at: datetime | None
    lifted_by: str | None
    lift_reason: str | None
    client: str | None  # None: no client of a door ordered it, as reference
    reference: str | None


class Sighting(NamedTuple):
    """The answer that a probe got from the public listener of an edge."""

    gone: bool
    at: datetime
    status: int | None


@dataclass(frozen=True, slots=True)
class EdgeState:
    """The progress of a takedown at an edge."""

    edge: str
    acknowledged: bool
    seen: Sighting | None  # None: no probe has proven anything yet
    problem: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """The progress of a takedown or its lift."""

    found: bool  # the outbox has a purge of it
    edges: Sequence[EdgeState]
    obstacle: str | None

    @property
    def complete(self) -> bool:
        """Whether every edge has acknowledged it, and no probe got the image since."""
        return self.found and bool(self.edges) and all(_holds(edge) for edge in self.edges)

    @property
    def seen(self) -> bool:
        """Whether it was seen gone at every edge, too."""
        return self.complete and all(edge.seen is not None for edge in self.edges)


def _holds(edge: EdgeState) -> bool:
    return edge.acknowledged and (edge.seen is None or edge.seen.gone)


def find_takedown(connection: Connection, number: int) -> Takedown | None:
    """Read a takedown. None: there is no such ban."""
    rows = connection.rows("door_takedown", id=number)
    return Takedown(*rows[0]) if rows else None


def list_takedowns(
    connection: Connection, client: Client, scopes: frozenset[Scope], *, before: int | None, only_open: bool, limit: int
) -> list[Takedown]:
    """Read the newest takedowns that a client may read, with ids below ``before``, ``limit`` at most."""
    wanted = {
        "before": _NEWEST if before is None else before,
        "scopes": ",".join(scopes),
        "open": only_open,
        "limit": limit,
    }
    if client.others:
        return [Takedown(*row) for row in connection.rows("door_takedowns", **wanted)]
    return [Takedown(*row) for row in connection.rows("door_takedowns_of_client", client=client.name, **wanted)]


def read_delivery(connection: Connection, takedown: Takedown, seconds: float = 0, *, seen: bool = False) -> Delivery:
    """Wait until a takedown is complete, ``seconds`` at most, and say how far it is.

    ``seen``: wait until it was seen gone, too. A lift is not probed.
    """
    until = time.monotonic() + seconds
    readiness = read_delivery_readiness(connection)
    result = wait_acknowledged(connection, Target(ban=takedown.id), readiness, seconds)
    pause = threading.Event()
    while True:
        delivery = _delivery(connection, takedown, result, readiness)
        awaited = delivery.seen if seen and takedown.lifted_at is None else delivery.complete
        if awaited or not result.complete or time.monotonic() >= until:
            return delivery
        pause.wait(_PAUSE)


def _delivery(connection: Connection, takedown: Takedown, result: WaitResult, readiness: DeliveryReadiness) -> Delivery:
    seen = {}
    if takedown.lifted_at is None:
        for edge, gone, at, status in connection.rows("ban_sightings", ban=takedown.id):
            seen[edge] = Sighting(bool(gone), at, status)
    edges = [EdgeState(each.edge, each.acknowledged, seen.get(each.edge), each.problem) for each in result.edges]
    return Delivery(result.found, edges, readiness.obstacle)
