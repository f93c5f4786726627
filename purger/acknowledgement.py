"""Waits until edges have acknowledged what is in the outbox, seen through moderation's account."""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from purger.errors import DatabaseUnavailableError
from purger.link import Link, fetch_sets
from purger.presence import ALIVE

#: Seconds between two looks.
_POLL = 0.05


class Delivery(NamedTuple):
    """Who delivers what is in the outbox."""

    purgers: int  # that are alive
    edges: int  # that are enabled
    largest: int  # the largest id that is committed in the outbox


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
    """What a wait has come to. ``found``: something in the outbox was there to wait for."""

    found: bool
    edges: list[Reached]

    @property
    def complete(self) -> bool:
        """Whether there are edges, and all of them have acknowledged it."""
        return self.found and bool(self.edges) and all(edge.acknowledged for edge in self.edges)


def who_delivers(link: Link) -> Delivery:
    """Read who delivers. Raises ``DatabaseUnavailableError``."""
    return Delivery(*map(int, link.rows("who_delivers", alive=ALIVE)[0]))


def hindrance(delivery: Delivery) -> str | None:
    """Say why nothing is delivered now, and what to do; None where purger and edges are there."""
    if not delivery.purgers:
        return "no purger is alive, so no edge hears of it: start `purger run` (`purger status` tells more)"
    if not delivery.edges:
        return (
            "there is no edge that could hear of it: `purger edge add` makes a Varnish known, `edge enable` follows it"
        )
    return None


def wait_acknowledged(
    link: Link, target: Target, upto: int, seconds: float, tell: Callable[[Reached], None] = lambda _: None
) -> Outcome:
    """Wait until each enabled edge has acknowledged what ``target`` has in the outbox up to the id ``upto``.

    After ``seconds`` it returns what has been reached. ``tell`` is called for each edge when it acknowledges. Raises
    ``DatabaseUnavailableError``.
    """
    until = time.monotonic() + seconds
    pause = threading.Event()
    told: set[str] = set()
    last: int | None = None
    while True:
        found, unnumbered, newest, rows = _look(link, target, upto)
        # Under a steady stream the last batch moves on: the first that covers everything is the one to wait for.
        if last is None and found and not unnumbered:
            last = newest
        edges = [Reached(name, _has(acknowledged, last), problem) for name, acknowledged, problem in rows]
        for edge in edges:
            if edge.acknowledged and edge.edge not in told:
                told.add(edge.edge)
                tell(edge)
        outcome = Outcome(found, edges)
        if not found or outcome.complete or time.monotonic() >= until:
            return outcome
        pause.wait(_POLL)


def _has(acknowledged: int | None, batch: int | None) -> bool:
    """Tell whether an edge has a batch. What has no number yet is nothing that an edge can have acknowledged."""
    return batch is not None and acknowledged is not None and acknowledged >= batch


def _look(link: Link, target: Target, upto: int) -> tuple[bool, bool, int | None, list[tuple[str, int | None, str]]]:
    with link.cursor() as cursor:
        sets = fetch_sets(cursor, "acknowledgements", **target._asdict(), upto=upto)
    if not sets[0]:
        raise DatabaseUnavailableError("the table numbering has lost its row; run `purger migrate`")
    found, unnumbered, batch = sets[0][0]
    return bool(found), bool(unnumbered), batch, [(row[0], row[1], row[2]) for row in sets[1]]
