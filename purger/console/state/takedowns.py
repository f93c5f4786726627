"""Reads bans and lifts with their receipts, as the console shows them: the latest, and older ones by pages."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import starmap
from typing import NamedTuple

from purger.console.state.log_groups import LogFilter, LogGroup, read_log
from takedown_db.connection.lasting_connection import Connection

#: Most receipts that are read: of a large fleet fewer takedowns are shown.
_RECEIPTS = 3000

#: Takedowns that the overview and a page of older ones list, and the fewest.
_LATEST = 12
_OLDER = 50
_FEWEST = 4


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
    number: int = 1  # of subjects; of a bulk about as many
    reason: str = ""
    person: str = ""
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
    groups = read_log(connection).groups
    most = _most(edges)
    batches = sorted({group.batch for group in groups if group.batch is not None}, reverse=True)[:most]
    acknowledged = _read_acknowledgements(connection, batches)
    return LatestTakedowns(
        listed=_takedowns(connection, groups[: min(_LATEST, most)], acknowledged),
        latencies=tuple(_latencies(groups, acknowledged)),
    )


def read_older(
    connection: Connection, edges: int, wanted: LogFilter, before: int | None
) -> tuple[tuple[Takedown, ...], int | None]:
    """Read a page of the takedowns that a filter keeps, before an id of the log, the newest first.

    Returns the id before which older ones are with them; None: there are none. Raises as ``read_takedowns``.
    """
    groups, older = read_log(connection, wanted, before)
    listed = groups[: min(_OLDER, _most(edges))]
    acknowledged = _read_acknowledgements(connection, [group.batch for group in listed if group.batch is not None])
    if len(listed) < len(groups):
        older = listed[-1].rows[-1].id
    return _takedowns(connection, listed, acknowledged), older


def _most(edges: int) -> int:
    return max(_FEWEST, _RECEIPTS // max(1, edges))


def _takedowns(
    connection: Connection, groups: Sequence[LogGroup], acknowledged: dict[int, list[_AcknowledgementRow]]
) -> tuple[Takedown, ...]:
    bans = [row for group in groups if not group.is_bulk for row in group.rows if row.action == "ban"]
    probed = _read_probes(connection, [row.invalidation for row in bans if row.invalidation is not None])
    return tuple(_takedown(group, acknowledged, probed) for group in groups)


def _read_acknowledgements(connection: Connection, batches: Sequence[int]) -> dict[int, list[_AcknowledgementRow]]:
    found: dict[int, list[_AcknowledgementRow]] = {}
    if batches:
        rows = connection.rows("console_acknowledgements", batches=json.dumps(sorted(set(batches))))
        for row in starmap(_AcknowledgementRow, rows):
            found.setdefault(row.batch, []).append(row)
    return found


def _read_probes(connection: Connection, rows: Sequence[int]) -> dict[tuple[int, str], _ProbeRow]:
    if not rows:
        return {}
    found = starmap(_ProbeRow, connection.rows("console_probe_results", rows=json.dumps(rows)))
    return {(each.invalidation, each.edge): each for each in found}


def _takedown(
    group: LogGroup,
    acknowledged: dict[int, list[_AcknowledgementRow]],
    probed: dict[tuple[int, str], _ProbeRow],
) -> Takedown:
    first = group.rows[0]
    states = [
        _edge_state(row, _seen(group, row.edge, probed), group.written_at)
        for row in acknowledged.get(group.batch or 0, ())
    ]
    return Takedown(
        action=first.action,
        at=group.written_at,
        scope=first.scope,
        subjects=tuple(row.subject for row in group.rows),
        number=group.number,
        reason=first.reason,
        person=first.person,
        account=first.account,
        batch=group.batch,
        written=first.invalidation is not None,
        edges=tuple(states),
    )


def _seen(group: LogGroup, edge: str, probed: dict[tuple[int, str], _ProbeRow]) -> _ProbeRow | None:
    """Find what probes of a group's images prove at an edge: one that is shown, or the last once all are gone."""
    results = [probed.get((row.invalidation or 0, edge)) for row in group.rows]
    found = [each for each in results if each is not None and each.seen_at is not None]
    if shown := [each for each in found if not each.gone]:
        return shown[0]
    if len(found) == group.number:
        return max(found, key=lambda each: each.seen_at or datetime.min)
    return results[0] if group.number == 1 else None


def _edge_state(row: _AcknowledgementRow, probe: _ProbeRow | None, since: datetime) -> AtEdge:
    return AtEdge(
        edge=row.edge,
        acknowledged=_after(since, row.acknowledged_at),
        method=row.method,
        seen=_after(since, probe.seen_at) if probe else None,
        gone=bool(probe.gone) if probe and probe.gone is not None else None,
        note=probe.note if probe else None,
    )


def _latencies(groups: Iterable[LogGroup], acknowledged: dict[int, list[_AcknowledgementRow]]) -> list[Latency]:
    """List the latency of each batch of bans that every edge has acknowledged by a purge, the oldest first.

    Leaves out bulks, which take longer by their number, and say nothing about a single ban.
    """
    found: dict[int, Latency] = {}
    for group in groups:
        rows = [row for row in acknowledged.get(group.batch or 0, ()) if row.method != "flush"]
        times = [_after(group.written_at, row.acknowledged_at) for row in rows]
        if group.rows[0].action == "ban" and not group.is_bulk and times and None not in times:
            latency = Latency(group.written_at, max(time for time in times if time is not None))
            found[group.batch or 0] = max(latency, found.get(group.batch or 0, latency), key=lambda each: each.seconds)
    return sorted(found.values())


def _after(since: datetime | None, at: datetime | None) -> float | None:
    """Return the seconds between two times, of clocks that may differ a little."""
    return None if at is None or since is None else max(0.0, (at - since).total_seconds())
