"""Reads the moderation log in groups, the newest first: single acts, and bulks, most of whose entries are not read.

A filter keeps the acts of one person, with a certain reason, or of a time. Entries are found by their ids, which ascend
with the time: no index has persons and reasons, so the log is searched backwards, a part of it for each page.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, starmap
from typing import NamedTuple

from takedown_db.connection.lasting_connection import Connection

#: Entries that are read at a time, and the times: beyond each a bulk may lie.
_PAGE = 300
_PAGES = 4

#: Entries that are searched at a time: an import that moves images writes others. And the times, where there is a
#: filter: 200,000 entries take a second.
_SEARCHED = 5000
_SEARCHES = 40

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
    passed_batches: list[int | None] = field(default_factory=list)  # as ``batch``, of these entries

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
        """The last of their batches. None: one has no number yet, or no row in the outbox."""
        batches = [*(row.batch for row in self.rows), *self.passed_batches]
        return None if None in batches else max(batch for batch in batches if batch is not None)

    @property
    def written_at(self) -> datetime:
        """The time of the first row of the outbox."""
        written = [row.written_at for row in self.rows if row.written_at is not None]
        return min(written, default=self.rows[0].logged_at)


@dataclass(frozen=True, slots=True)
class LogFilter:
    """The acts to read: all that each field allows, and None allows any. Times are UTC."""

    person: str | None = None
    reason: str | None = None  # a part of it
    since: datetime | None = None
    until: datetime | None = None


class LogPage(NamedTuple):
    """Groups of the log, and where older ones begin."""

    groups: list[LogGroup]
    before: int | None  # the id before which nothing was read; None: there is nothing


def read_log(connection: Connection, wanted: LogFilter | None = None, before: int | None = None) -> LogPage:
    """Read the newest groups, or those before an id, the newest first. Raises ``DatabaseUnavailableError``."""
    groups: list[LogGroup] = []
    reader = _Reader(connection, wanted or LogFilter())
    before = reader.end(before)
    for _ in range(_SEARCHES if wanted else _PAGES):
        rows = reader.page(before, _PAGE)
        for _, found in groupby(rows, key=_together):
            _add(groups, LogGroup(list(found)))
        if len(rows) < _PAGE:
            before -= _SEARCHED
        else:
            before = rows[-1].id
            if groups[-1].is_bulk:
                oldest = reader.oldest_of_bulk(rows[-1])
                if oldest.id < before:
                    groups[-1].rows.append(oldest)
                    groups[-1].passed_batches.append(reader.last_batch(oldest, rows[-1]))
                    groups[-1].passed += before - oldest.id - 1
                before = oldest.id
        if before <= reader.begin:
            return LogPage(groups, None)
        if len(groups) >= _PAGE:
            break
    return LogPage(groups, before)


class _Reader:
    """Reads entries that a filter keeps."""

    def __init__(self, connection: Connection, wanted: LogFilter) -> None:
        self._connection = connection
        self._until = wanted.until
        part = None if wanted.reason is None else re.sub(r"([\\%_])", r"\\\1", wanted.reason)
        self._wanted = {"person": wanted.person, "reason": None if part is None else f"%{part}%"}
        #: The id of the first entry that may be wanted.
        self.begin = self._first(wanted.since) if wanted.since else 1

    def end(self, before: int | None) -> int:
        """Return the id before which entries are wanted."""
        ((following,),) = self._connection.rows("console_log_end")
        end = self._first(self._until) if self._until else int(following)
        return end if before is None else min(end, before)

    def page(self, before: int, limit: int) -> list[LogRow]:
        """Read some entries before an id, among those that are searched at a time."""
        after = max(self.begin - 1, before - 1 - _SEARCHED)
        rows = self._connection.rows("console_log", after=after, before=before, limit=limit, **self._wanted)
        return list(starmap(LogRow, rows))

    def oldest_of_bulk(self, row: LogRow) -> LogRow:
        """Find about the oldest entry of the bulk that ``row`` is part of: by steps that grow, then shrink."""
        inside, step = row, _STEP
        for _ in range(_MOST_STEPS):
            if not step:
                break
            probed = self.page(inside.id - step + 1, 1) if inside.id > step else []
            if probed and probed[0].kind == row.kind:
                inside, step = probed[0], step * 2
            else:
                step //= 2 if step <= _STEP else 4
        return inside

    def last_batch(self, oldest: LogRow, newest: LogRow) -> int | None:
        """Read the last batch of the rows that two entries of a bulk wrote, and of all between; None: one has none yet.

        A bulk is numbered from both ends, so what lies between is the last.
        """
        ids = {"first": oldest.invalidation, "last": newest.invalidation}
        ((batch,),) = self._connection.rows("console_last_batch", **ids)
        return None if batch is None else int(batch)

    def _first(self, moment: datetime) -> int:
        """Find the first entry of a time or later, by halves: ids ascend with the time, but for single ones."""
        ((following,),) = self._connection.rows("console_log_end")
        low, high = 1, int(following)
        while low < high:
            middle = (low + high) // 2
            found = self._connection.rows("console_log_time", id=middle)
            if found and found[0][0] < moment:
                low = middle + 1
            else:
                high = middle
        return low


def _together(row: LogRow) -> tuple[object, ...]:
    return row.kind, row.batch, row.id if row.batch is None and row.invalidation is None else None


def _add(groups: list[LogGroup], group: LogGroup) -> None:
    """Add a group, or join it to the bulk before it whose next batch it is."""
    last = groups[-1] if groups else None
    if last and last.rows[0].kind == group.rows[0].kind and (last.is_bulk or group.is_bulk):
        last.rows += group.rows
    else:
        groups.append(group)
