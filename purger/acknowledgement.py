"""Waits until edges have acknowledged what is in the outbox, seen through moderation's account."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from purger.model import ALIVE
from takedown_db.connection import Connection, fetch_sets
from takedown_db.errors import CounterLostError
from takedown_db.schema.triggers import bans_seen_since, judge_triggers

#: Seconds between two looks.
_POLL = 0.05


class TriggerState(NamedTuple):
    """The triggers that fill the outbox, as they stand now."""

    missing: tuple[str, ...]  # or altered
    fingerprint: str
    since: datetime | None  # UTC; since then each ban has come into the outbox. None: a trigger of bans is missing

    def restored_after(self, moment: datetime | None) -> bool:
        """Tell whether the triggers of bans were made again after ``moment``: each edge is then flushed."""
        return moment is not None and self.since is not None and self.since > moment


class DeliveryState(NamedTuple):
    """Who delivers what is in the outbox, and what puts it there."""

    purgers: int  # that are alive
    edges: int  # that are enabled
    largest: int  # the largest id that is committed in the outbox
    triggers: TriggerState


class Target(NamedTuple):
    """A ban by its id, or all that concerns a code or an owner; with nothing given, everything."""

    ban: int | None = None
    scope: str | None = None
    subject: str | None = None

    def __str__(self) -> str:
        if self.ban is not None:
            return f"ban {self.ban}"
        return f"{self.scope} {self.subject}" if self.subject else "everything"


class Reached(NamedTuple):
    """Whether an edge has acknowledged what is waited for, and what the purger has met with at this edge."""

    edge: str
    acknowledged: bool
    problem: str | None


class Outcome(NamedTuple):
    """What a wait has come to.

    ``found``: something in the outbox was there to wait for. ``unwritten``: an open ban is missing there.
    """

    found: bool
    unwritten: bool
    edges: list[Reached]

    @property
    def complete(self) -> bool:
        """Whether there are edges, and all of them have acknowledged it."""
        return self.found and bool(self.edges) and all(edge.acknowledged for edge in self.edges)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """What is waited for, and the edges, at one moment."""

    found: bool
    unnumbered: bool
    newest: int | None
    unwritten: datetime | None
    edges: Sequence[tuple[str, int | None, str | None, str | None]]  # name, acknowledged, problem, triggers


def who_delivers(connection: Connection) -> DeliveryState:
    """Read who delivers. Raises ``DatabaseUnavailableError``."""
    rows = connection.rows("standing_triggers")
    judged = judge_triggers(rows)
    purgers, edges, largest = map(int, connection.rows("delivery_state", alive=ALIVE)[0])
    return DeliveryState(
        purgers, edges, largest, TriggerState(judged.missing, judged.fingerprint, bans_seen_since(rows))
    )


def hindrance(delivery: DeliveryState) -> str | None:
    """Say why not all is delivered now, and what to do; None where triggers, purger and edges are there."""
    if delivery.triggers.missing:
        names = ", ".join(delivery.triggers.missing)
        return f"triggers are missing or altered, so edges may not hear of it ({names}): run `purger migrate`"
    if not delivery.purgers:
        return "no purger is alive, so no edge hears of it: start `purger run` (`purger status` tells more)"
    if not delivery.edges:
        return (
            "there is no edge that could hear of it: `purger edge add` makes a Varnish known, `edge enable` follows it"
        )
    return None


def wait_acknowledged(
    connection: Connection,
    target: Target,
    delivery: DeliveryState,
    seconds: float,
    tell: Callable[[Reached], None] = lambda _: None,
) -> Outcome:
    """Wait until each enabled edge has acknowledged what ``target`` had in the outbox when ``delivery`` was read.

    After ``seconds`` it returns what has been reached. ``tell`` is called for each edge when it acknowledges. Raises
    ``DatabaseUnavailableError``.
    """
    until = time.monotonic() + seconds
    pause = threading.Event()
    told: set[str] = set()
    last: int | None = None
    while True:
        look = _look(connection, target, delivery.largest)
        # Under a steady stream the last batch moves on: the first that covers everything is the one to wait for.
        if last is None and look.found and not look.unnumbered:
            last = look.newest
        outcome = _outcome(target, delivery.triggers, look, last)
        for edge in outcome.edges:
            if edge.acknowledged and edge.edge not in told:
                told.add(edge.edge)
                tell(edge)
        hopeless = not outcome.found or outcome.unwritten or (target == Target() and delivery.triggers.missing)
        if hopeless or outcome.complete or time.monotonic() >= until:
            return outcome
        pause.wait(_POLL)


def _outcome(target: Target, triggers: TriggerState, look: _Snapshot, last: int | None) -> Outcome:
    """Judge each edge. A ban that no trigger saw is delivered by the flush that follows when they are made again."""
    restored = triggers.restored_after(look.unwritten)
    edges = []
    for name, acknowledged, problem, flushed in look.edges:
        reached = _has(acknowledged, last) or (restored and not look.found)
        if target == Target():
            reached &= not triggers.missing and flushed in (None, triggers.fingerprint)
        elif look.unwritten is not None:
            reached &= restored and flushed == triggers.fingerprint
        edges.append(Reached(name, reached, problem))
    return Outcome(look.found or restored, look.unwritten is not None and not restored, edges)


def _has(acknowledged: int | None, batch: int | None) -> bool:
    """Tell whether an edge has a batch. What has no number yet is nothing that an edge can have acknowledged."""
    return batch is not None and acknowledged is not None and acknowledged >= batch


def _look(connection: Connection, target: Target, upto: int) -> _Snapshot:
    with connection.cursor() as cursor:
        sets = fetch_sets(cursor, "acknowledgements", **target._asdict(), upto=upto)
    if not sets[0]:
        raise CounterLostError
    found, unnumbered, batch, unwritten = sets[0][0]
    edges = [(row[0], row[1], row[2], row[3]) for row in sets[1]]
    return _Snapshot(bool(found), bool(unnumbered), batch, _moment(unwritten), edges)


def _moment(value: object) -> datetime | None:
    """Read a time that the server may give as text, since the column has no type where it is NULL otherwise."""
    return value if value is None or isinstance(value, datetime) else datetime.fromisoformat(str(value))
