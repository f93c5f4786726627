"""Reads the newest bans and lifts of the moderation log in groups, and passes over the inside of bulks."""

from dataclasses import dataclass
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
    banned_by: str
    account: str
    logged_at: datetime
    invalidation: int | None
    written_at: datetime | None
    batch: int | None

    @property
    def kind(self) -> tuple[str, ...]:
        """The same for all entries of one bulk."""
        return self.action, self.scope, self.reason, self.banned_by, self.account


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
