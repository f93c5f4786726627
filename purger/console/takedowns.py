"""Reads the latest bans and lifts with their receipts, as the console shows them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby, starmap
from typing import NamedTuple

from takedown_db.lasting_connection import Connection

#: Entries of the log that are read, and the most receipts: of a large fleet fewer takedowns are read.
_ENTRIES = 400
_RECEIPTS = 3000

#: Takedowns that are listed, and the fewest.
_LISTED = 15
_FEWEST = 4


class _LogRow(NamedTuple):
    """A row of the statement ``console_log``."""

    id: int
    action: str
    ban: int
    scope: str
    subject: str
    reason: str
    banned_by: str
    account: str
    logged_at: datetime
    invalidation: int | None
    written_at: datetime | None
    batch: int | None


class _AcknowledgementRow(NamedTuple):
    """A row of the statement ``console_acknowledgements``."""

    batch: int
    edge: str
    acknowledged_at: datetime | None
    method: str | None


class _ProbeRow(NamedTuple):
    """A row of the statement ``console_probe_results``."""

    invalidation: int
    edge: str
    seen_at: datetime | None
    gone: int | None
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AtEdge:
    """The state of a takedown at one edge. Times are seconds since its row was written."""

    edge: str
    acknowledged: float | None = None  # None: not yet
    method: str | None = None
    seen: float | None = None
    gone: bool | None = None  # None: no probe has proved anything
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Takedown:
    """A ban or a lift; or several of one batch, by the same person for the same reason. Times are UTC."""

    action: str
    at: datetime
    scope: str
    subjects: tuple[str, ...]  # a part of them, of a bulk
    several: bool = False  # also where only one of them is among the entries that were read
    reason: str = ""
    banned_by: str = ""
    account: str = ""
    batch: int | None = None
    written: bool = True  # False: no row of the outbox was written for it
    edges: tuple[AtEdge, ...] = ()

    @property
    def waiting(self) -> int:
        """The number of edges that have not acknowledged it."""
        return sum(each.acknowledged is None for each in self.edges)

    @property
    def slowest(self) -> float | None:
        """The seconds until the last edge acknowledged it. None: one has not, or there is no edge."""
        times = [each.acknowledged for each in self.edges]
        return max((each for each in times if each is not None), default=None) if None not in times else None


class Latency(NamedTuple):
    """The seconds that the bans of one batch took to their last edge."""

    at: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class LatestTakedowns:
    """The latest takedowns, the newest first, and the latencies of more of them, the oldest first."""

    listed: tuple[Takedown, ...] = ()
    latencies: tuple[Latency, ...] = ()


def read_takedowns(connection: Connection, edges: int) -> LatestTakedowns:
    """Read the latest takedowns of a fleet with so many ``edges``. Raises ``DatabaseUnavailableError``."""
    groups = [list(group) for _, group in groupby(_read_log(connection), key=_together)]
    most = max(_FEWEST, _RECEIPTS // max(1, edges))
    batches = sorted({group[0].batch for group in groups if group[0].batch is not None}, reverse=True)[:most]
    acknowledged = _read_acknowledgements(connection, batches)
    listed = groups[: min(_LISTED, most)]
    probed = _read_probes(connection, [row.invalidation for row, *_ in listed if row.invalidation is not None])
    return LatestTakedowns(
        listed=tuple(_takedown(group, acknowledged, probed) for group in listed),
        latencies=tuple(_latencies(groups, acknowledged)),
    )


def _read_log(connection: Connection) -> list[_LogRow]:
    return list(starmap(_LogRow, connection.rows("console_log", limit=_ENTRIES)))


def _read_acknowledgements(connection: Connection, batches: Sequence[int]) -> dict[int, list[_AcknowledgementRow]]:
    found: dict[int, list[_AcknowledgementRow]] = {}
    if batches:
        rows = connection.rows("console_acknowledgements", batches=json.dumps(batches))
        for row in starmap(_AcknowledgementRow, rows):
            found.setdefault(row.batch, []).append(row)
    return found


def _read_probes(connection: Connection, rows: Sequence[int]) -> dict[tuple[int, str], _ProbeRow]:
    if not rows:
        return {}
    found = starmap(_ProbeRow, connection.rows("console_probe_results", rows=json.dumps(rows)))
    return {(each.invalidation, each.edge): each for each in found}


def _together(row: _LogRow) -> tuple[object, ...]:
    """Return the same for the entries of one bulk: those that were numbered together, and mean the same."""
    alone = row.id if row.batch is None else None
    return row.action, row.batch, alone, row.scope, row.reason, row.banned_by, row.account


def _takedown(
    group: list[_LogRow],
    acknowledged: dict[int, list[_AcknowledgementRow]],
    probed: dict[tuple[int, str], _ProbeRow],
) -> Takedown:
    first = group[0]
    since = min((row.written_at for row in group if row.written_at is not None), default=first.logged_at)
    states = [_edge_state(row, since) for row in acknowledged.get(first.batch or 0, ())]
    if first.action == "ban" and len(group) == 1:
        states = [_seen(state, probed.get((first.invalidation or 0, state.edge)), since) for state in states]
    return Takedown(
        action=first.action,
        at=since,
        scope=first.scope,
        subjects=tuple(row.subject for row in group),
        several=len(group) > 1,
        reason=first.reason,
        banned_by=first.banned_by,
        account=first.account,
        batch=first.batch,
        written=first.invalidation is not None,
        edges=tuple(states),
    )


def _edge_state(row: _AcknowledgementRow, since: datetime) -> AtEdge:
    return AtEdge(edge=row.edge, acknowledged=_after(since, row.acknowledged_at), method=row.method)


def _seen(state: AtEdge, row: _ProbeRow | None, since: datetime) -> AtEdge:
    if row is None:
        return state
    gone = None if row.gone is None else bool(row.gone)
    return replace(state, seen=_after(since, row.seen_at), gone=gone, note=row.note)


def _latencies(
    groups: Iterable[list[_LogRow]], acknowledged: dict[int, list[_AcknowledgementRow]]
) -> Iterable[Latency]:
    """Yield the latency of each batch of bans that every edge has acknowledged by a purge, the oldest first."""
    found: dict[int, Latency] = {}
    for group in groups:
        rows = acknowledged.get(group[0].batch or 0, [])
        written = min((row.written_at for row in group if row.written_at is not None), default=None)
        times = [_after(written, row.acknowledged_at) for row in rows if row.method != "flush"] if written else []
        if group[0].action == "ban" and written and times and None not in times:
            found[group[0].batch or 0] = Latency(written, max(time for time in times if time is not None))
    return sorted(found.values())


def _after(since: datetime | None, at: datetime | None) -> float | None:
    """Return the seconds between two times, of clocks that may differ a little."""
    return None if at is None or since is None else max(0.0, (at - since).total_seconds())
