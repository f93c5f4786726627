"""Reads the latest bans and lifts with their receipts, as the console shows them.

The entries of the moderation log come in groups. A bulk is one group, and most of its entries are not read.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby, starmap
from typing import NamedTuple

from takedown_db.connection.lasting_connection import Connection

#: Entries that are read at a time, and the times: beyond each a bulk may lie.
_PAGE = 300
_PAGES = 4

#: Entries that are searched at a time: an import that moves images writes others.
_SEARCHED = 5000

#: Entries of one kind after which a group is a bulk.
_BULK = 20

#: The first step over a bulk, in entries; and the most steps, which pass over some 100 million.
_STEP = 500
_MOST_STEPS = 60


class LogRow(NamedTuple):
    """A row of the statement ``console_log``. Times are UTC."""

    id: int
    action: str
    ban: int
    scope: str
    subject: str
    reason: str
    person: str
    account: str
    logged_at: datetime
    invalidation: int | None
    written_at: datetime | None
    batch: int | None

    @property
    def kind(self) -> tuple[str, ...]:
        """The same for all entries of one bulk."""
        return self.action, self.scope, self.reason, self.person, self.account


@dataclass(slots=True)
class LogGroup:
    """Entries that were numbered together and mean the same; or those of a bulk, of which a part was read."""

    rows: list[LogRow]
    passed: int = 0  # number of entries that were passed over, about

    @property
    def number(self) -> int:
        """The number of entries, of a bulk about."""
        return len(self.rows) + self.passed

    @property
    def is_bulk(self) -> bool:
        """Tell whether these are many."""
        return self.number > _BULK

    @property
    def batch(self) -> int | None:
        """The last of their batches, as far as they were read. None: one has no number yet, or no row in the outbox."""
        batches = [row.batch for row in self.rows]
        return None if None in batches else max(batch for batch in batches if batch is not None)

    @property
    def written_at(self) -> datetime:
        """The time of the first row of the outbox."""
        written = [row.written_at for row in self.rows if row.written_at is not None]
        return min(written, default=self.rows[0].logged_at)


def read_log(connection: Connection) -> list[LogGroup]:
    """Read the newest groups, the newest first. Raises ``DatabaseUnavailableError``."""
    groups: list[LogGroup] = []
    ((before,),) = connection.rows("console_log_end")
    for _ in range(_PAGES):
        rows = _page(connection, before, _PAGE)
        for _, found in groupby(rows, key=_together):
            _add(groups, LogGroup(list(found)))
        if len(rows) < _PAGE:
            break
        before = rows[-1].id
        if groups[-1].is_bulk:
            oldest = _oldest_of_bulk(connection, rows[-1])
            if oldest.id < before:
                # Its batch counts as well: the oldest rows of a bulk are numbered late.
                groups[-1].rows.append(oldest)
                groups[-1].passed += before - oldest.id - 1
            before = oldest.id
    return groups


def _page(connection: Connection, before: int, limit: int) -> list[LogRow]:
    after = max(0, before - _SEARCHED)
    return list(starmap(LogRow, connection.rows("console_log", after=after, before=before, limit=limit)))


def _together(row: LogRow) -> tuple[object, ...]:
    return row.kind, row.batch, row.id if row.batch is None and row.invalidation is None else None


def _add(groups: list[LogGroup], group: LogGroup) -> None:
    """Add a group, or join it to the bulk before it whose next batch it is."""
    last = groups[-1] if groups else None
    if last and last.rows[0].kind == group.rows[0].kind and (last.is_bulk or group.is_bulk):
        last.rows += group.rows
    else:
        groups.append(group)


def _oldest_of_bulk(connection: Connection, row: LogRow) -> LogRow:
    """Find about the oldest entry of the bulk that ``row`` is part of: by steps that grow, then shrink."""
    inside, step = row, _STEP
    for _ in range(_MOST_STEPS):
        if not step:
            break
        probed = _page(connection, inside.id - step + 1, 1) if inside.id > step else []
        if probed and probed[0].kind == row.kind:
            inside, step = probed[0], step * 2
        else:
            step //= 2 if step <= _STEP else 4
    return inside


#: Most receipts that are read: of a large fleet fewer takedowns are shown.
_RECEIPTS = 3000

#: Takedowns that are listed, and the fewest.
_LISTED = 12
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
    groups = read_log(connection)
    most = max(_FEWEST, _RECEIPTS // max(1, edges))
    batches = sorted({group.batch for group in groups if group.batch is not None}, reverse=True)[:most]
    acknowledged = _read_acknowledgements(connection, batches)
    listed = groups[: min(_LISTED, most)]
    singles = [group.rows[0].invalidation for group in listed if not group.is_bulk]
    probed = _read_probes(connection, [row for row in singles if row is not None])
    return LatestTakedowns(
        listed=tuple(_takedown(group, acknowledged, probed) for group in listed),
        latencies=tuple(_latencies(groups, acknowledged)),
    )


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


def _takedown(
    group: LogGroup,
    acknowledged: dict[int, list[_AcknowledgementRow]],
    probed: dict[tuple[int, str], _ProbeRow],
) -> Takedown:
    first = group.rows[0]
    states = [_edge_state(row, group.written_at) for row in acknowledged.get(group.batch or 0, ())]
    if first.action == "ban" and len(group.rows) == 1:
        states = [_seen(state, probed.get((first.invalidation or 0, state.edge)), group.written_at) for state in states]
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


def _edge_state(row: _AcknowledgementRow, since: datetime) -> AtEdge:
    return AtEdge(edge=row.edge, acknowledged=_after(since, row.acknowledged_at), method=row.method)


def _seen(state: AtEdge, row: _ProbeRow | None, since: datetime) -> AtEdge:
    if row is None:
        return state
    gone = None if row.gone is None else bool(row.gone)
    return replace(state, seen=_after(since, row.seen_at), gone=gone, note=row.note)


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
