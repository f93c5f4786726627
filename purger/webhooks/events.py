"""Decides which events a takedown has, and writes their payloads. Pure functions. Times are UTC.

    takedown.gone    every edge that may show it has acknowledged the removal; when the last one did
    takedown.late    twelve seconds after the ban some have not: which, why, and until when each may show it
    takedown.lifted  the ban was lifted or deleted

A payload names the takedown by its id and its subject. It names no person and no reason: whoever may open its link
finds them there. Twelve seconds are the lease and the TTL of fail-safe mode together: after them an edge that no purger
reaches shows nothing that it had cached.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from purger.fleet.edges import ListedEdge

#: Seconds after which a takedown that is not gone everywhere is late.
LATE = 12.0

#: Most edges that a payload names.
_NAMED = 20


class Change(NamedTuple):
    """A ban or a lift, as the outbox has it; the columns of the statement ``webhook_changes``."""

    invalidation: int
    batch: int
    ban_id: int
    cause: str  # ban, lift, unban
    scope: str
    subject: str
    written_at: datetime


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver: a row of the statement ``webhook_receivers``."""

    name: str
    link: str | None  # with {takedown} where the id of the ban belongs
    after_batch: int


@dataclass(frozen=True, slots=True)
class MissingEdge:
    """An edge that has not acknowledged a takedown."""

    name: str
    problem: str | None
    trust_ends_by: datetime | None  # None: never (no lease), or unknown


def missing_edges(edges: Iterable[ListedEdge], batch: int, now: datetime) -> list[MissingEdge]:
    """List the edges that may still show what a batch removes.

    These are enabled ones without an acknowledgement, both names of one varnishd, and disabled ones that still trust
    their cache.
    """
    known = list(edges)
    names = defaultdict[str, list[str]](list)
    for edge in known:
        if edge.enabled and edge.instance:
            names[edge.instance].append(edge.name)
    missing = []
    for edge in known:
        by = edge.trust_ends_by
        has = edge.instance is not None and edge.acknowledged >= batch
        if edge.enabled and edge.instance and len(names[edge.instance]) > 1:
            missing.append(MissingEdge(edge.name, "its purge URL leads to the varnishd of another edge", None))
        elif edge.enabled and not has:
            missing.append(MissingEdge(edge.name, edge.problem, by))
        elif not edge.enabled and not has and by and by > now:
            missing.append(MissingEdge(edge.name, "disabled", by))
    return missing


def gone(receiver: Receiver, change: Change, at: datetime, edges: int) -> str:
    """Write the payload of a takedown that is gone from all of so many edges."""
    data = {"written_at": _text(change.written_at), "gone_at": _text(at), "edges": edges}
    return _payload("takedown.gone", receiver, change, at, data)


def late(receiver: Receiver, change: Change, now: datetime, missing: Sequence[MissingEdge]) -> str:
    """Write the payload of a takedown that some edges have not acknowledged in time."""
    data = {
        "written_at": _text(change.written_at),
        "missing_edges": len(missing),
        "missing": [
            {
                "edge": edge.name,
                "problem": edge.problem,
                "trusts_its_cache": edge.trust_ends_by is None or edge.trust_ends_by > now,
                "trust_ends_by": edge.trust_ends_by and _text(edge.trust_ends_by),
            }
            for edge in missing[:_NAMED]
        ],
    }
    return _payload("takedown.late", receiver, change, now, data)


def lifted(receiver: Receiver, change: Change) -> str:
    """Write the payload of a ban that was lifted or deleted."""
    data: dict[str, object] = {"lifted_at": _text(change.written_at)}
    return _payload("takedown.lifted", receiver, change, change.written_at, data)


def message_id(kind: str, change: Change) -> str:
    """Return the webhook-id of an event: the same for ever, so that receivers can drop a double.

    It has the time, as a database that was restored from a backup gives the ids of rows again.
    """
    microseconds = (change.written_at - datetime(1970, 1, 1)) // timedelta(microseconds=1)
    return f"{kind}_{change.invalidation}_{microseconds}"


def _payload(kind: str, receiver: Receiver, change: Change, at: datetime, data: dict[str, object]) -> str:
    subject = {"takedown": change.ban_id, "scope": change.scope, "subject": change.subject}
    link = {"url": receiver.link.replace("{takedown}", str(change.ban_id))} if receiver.link else {}
    return json.dumps({"type": kind, "timestamp": _text(at), "data": {**subject, **data, **link}})


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds") + "Z"
