"""Waits until edges have acknowledged changes in the outbox. Needs only moderation's account."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import starmap
from typing import NamedTuple

from purger.moderation.delivery_readiness import DeliveryReadiness
from takedown_base.name_codes import shown_key
from takedown_base.scope import Scope
from takedown_db.connection.errors import CounterLostError
from takedown_db.connection.lasting_connection import Connection, fetch_sets
from takedown_db.schema.triggers import Triggers

#: Seconds between two reads of the acknowledgements.
_POLL_INTERVAL = 0.05


class Target(NamedTuple):
    """The changes to wait for: of one ban by its id, or of one subject, or by default all changes."""

    ban: int | None = None
    scope: Scope | None = None
    subject: str | None = None

    def __str__(self) -> str:
        if self.ban is not None:
            return f"ban {self.ban}"
        return f"{self.scope} {shown_key(self.scope, self.subject)}" if self.scope and self.subject else "everything"


@dataclass(frozen=True, slots=True)
class EdgeAcknowledgement:
    """Whether an edge has acknowledged the target, and the problem that the purger has with this edge.

    The fields are keys of `purger ban --json`.
    """

    edge: str
    acknowledged: bool
    problem: str | None


class WaitResult(NamedTuple):
    """The result of a wait."""

    found: bool  # the outbox has, or had, a change of the target
    unwritten: bool  # an open ban of the target is missing in the outbox
    edges: list[EdgeAcknowledgement]

    @property
    def complete(self) -> bool:
        """Whether there are edges, and all of them have acknowledged the target."""
        return self.found and bool(self.edges) and all(edge.acknowledged for edge in self.edges)


class _EdgeRow(NamedTuple):
    """A row of the second result of the statement ``acknowledgements``."""

    name: str
    acknowledged: int | None  # the last batch of those that it has acknowledged without a gap; None: it is new
    problem: str | None
    triggers: str | None  # fingerprint of the triggers that existed when the edge was last flushed
    instance: str | None  # the varnishd that answers at the purge URL; None: it is new


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """The changes of the target, and the edges, as one read found them."""

    found: bool
    unnumbered: bool  # a change of the target has no batch number yet
    newest: int | None  # the last batch of the target
    unwritten: datetime | None  # UTC: when the ban was written that is missing in the outbox
    edges: list[_EdgeRow]


def wait_acknowledged(
    connection: Connection,
    target: Target,
    delivery: DeliveryReadiness,
    seconds: float,
    tell: Callable[[EdgeAcknowledgement], None] = lambda _: None,
) -> WaitResult:
    """Wait until each enabled edge has acknowledged the target's changes that were there when ``delivery`` was read.

    Returns after ``seconds`` at most. ``tell`` is called for each edge when it acknowledges. Raises
    ``DatabaseUnavailableError``.
    """
    until = time.monotonic() + seconds
    pause = threading.Event()
    reported: set[str] = set()
    last: int | None = None
    while True:
        snapshot = _read(connection, target, delivery.largest)
        # Under a steady stream the target's last batch moves on: wait for the first one that covers all of it.
        if last is None and snapshot.found and not snapshot.unnumbered:
            last = snapshot.newest
        result = _judge(target, delivery.triggers, snapshot, last)
        for edge in result.edges:
            if edge.acknowledged and edge.edge not in reported:
                reported.add(edge.edge)
                tell(edge)
        hopeless = not result.found or result.unwritten or (target == Target() and delivery.triggers.missing)
        if hopeless or result.complete or time.monotonic() >= until:
            return result
        pause.wait(_POLL_INTERVAL)


def _judge(target: Target, triggers: Triggers, snapshot: _Snapshot, last: int | None) -> WaitResult:
    """Judge each edge. A flush after the triggers were restored delivers a ban that no trigger wrote."""
    restored = triggers.restored_after(snapshot.unwritten)
    names = defaultdict[str | None, list[str]](list)
    for edge in snapshot.edges:
        names[edge.instance].append(edge.name)
    edges = []
    for edge in snapshot.edges:
        acknowledged = _has(edge, last) or (restored and not snapshot.found)
        if target == Target():
            acknowledged &= not triggers.missing and edge.triggers in (None, triggers.fingerprint)
        elif snapshot.unwritten is not None:
            acknowledged &= restored and edge.triggers == triggers.fingerprint
        problem = edge.problem
        # One of the names means an edge that heard of nothing.
        if edge.instance and (same := [name for name in names[edge.instance] if name != edge.name]):
            acknowledged, problem = False, f"its purge URL leads to the same varnishd as that of edge {same[0]}"
        edges.append(EdgeAcknowledgement(edge.name, acknowledged, problem))
    return WaitResult(
        found=snapshot.found or restored, unwritten=snapshot.unwritten is not None and not restored, edges=edges
    )


def _has(edge: _EdgeRow, batch: int | None) -> bool:
    """Tell whether an edge has acknowledged a batch. None, a change without a number, is never acknowledged."""
    return batch is not None and edge.acknowledged is not None and edge.acknowledged >= batch


def _read(connection: Connection, target: Target, upto: int) -> _Snapshot:
    with connection.cursor() as cursor:
        changes, edges, *_ = fetch_sets(cursor, "acknowledgements", **target._asdict(), upto=upto)
    if not changes:
        raise CounterLostError
    ((found, unnumbered, newest, unwritten),) = changes
    return _Snapshot(bool(found), bool(unnumbered), newest, _moment(unwritten), list(starmap(_EdgeRow, edges)))


def _moment(value: object) -> datetime | None:
    """Read a time that the server may send as text: the column has no type in results where it is always NULL."""
    return value if value is None or isinstance(value, datetime) else datetime.fromisoformat(str(value))
