"""Reads the bans of batches from the database, for log lines and latencies: ids, subjects, times of their COMMITs."""

import json
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from purger.outbox.verifier import FullyNumberedTimes
from takedown_db.connection.lasting_connection import Connection

#: Bans and lifts of a batch up to which each of them is read; of more only the first and the last id.
SINGLES = 20

#: Batches that are read at a time, of up to 2,000 rows each: well within the time-out of a statement.
PAGE = 10

#: Batches that are kept: all edges acknowledge the same ones.
_KEPT = 2000

#: Measurements of the database's clock from which the shortest is chosen, and the seconds between two of them.
_CLOCK_READS = 10
_CLOCK_INTERVAL = 1.0

#: Seconds by which the comparison of the clocks may be wrong, besides half of the time that it took.
_MARGIN = 0.5


class BanRow(NamedTuple):
    """A row of the outbox that a ban or a lift has written."""

    batch: int
    row: int
    ban: int | None
    cause: str
    scope: str
    subject: str


class BatchBans(NamedTuple):
    """The bans and lifts of one batch. ``begun`` is by the purger's clock, in seconds since 1970."""

    batch: int
    size: int  # rows of any kind
    changes: int  # bans and lifts
    bans: int
    first: int | None  # id of a ban
    last: int | None
    begun: float | None  # when the oldest ban was committed, or a little before; None without a ban
    rows: tuple[BanRow, ...]  # empty where there are more than SINGLES


class RowBan(NamedTuple):
    """The ban behind one row of the outbox; ``begun`` as above."""

    row: int
    batch: int | None
    ban: int | None
    cause: str
    begun: float


class BanReader:
    """Reads through a connection of its own; for one thread. Its methods raise ``DatabaseUnavailableError``."""

    def __init__(self, connection: Connection, fully_numbered: FullyNumberedTimes) -> None:
        self._connection = connection
        self._fully_numbered = fully_numbered
        self._kept: OrderedDict[int, BatchBans] = OrderedDict()
        self._clocks: list[tuple[float, float]] = []  # duration of a measurement, and the database's advance in seconds
        self._measured = float("-inf")

    def forget(self) -> None:
        """Drop what was read: the database has gone back, and gives numbers to other batches."""
        self._kept.clear()

    def last_before(self, began: float, head: int) -> int:
        """Return the last batch up to ``head`` that is from before ``began`` and that every edge has acknowledged.

        That is seconds since 1970 by this clock. A batch from the half second before counts as later.
        """
        advance = self._advance()
        doubt = _MARGIN + min(self._clocks)[0] / 2
        since = datetime.fromtimestamp(began + advance - doubt, UTC).replace(tzinfo=None)
        ((first,),) = self._connection.rows("first_batch_since", after=max(0, head - _KEPT), since=since)
        return head if first is None else int(first) - 1

    def read(self, after: int, last: int) -> list[BatchBans]:
        """Read the batches after ``after`` up to ``last``, at most ``PAGE`` of them, and keep them."""
        advance = self._advance()
        found = [*self._connection.rows("batch_bans", after=after, last=min(last, after + PAGE), limit=PAGE)]
        few = [batch for batch, _, changes, *_ in found if 0 < changes <= SINGLES]
        rows = dict[int, list[BanRow]]()
        if few:
            for row in self._connection.rows("rows_of_batches", batches=json.dumps(few)):
                rows.setdefault(row[0], []).append(BanRow(*row))
        batches = [
            BatchBans(
                batch,
                int(size),
                int(changes),
                int(bans),
                first,
                last_ban,
                None if written is None else self._begun(batch, written - advance),
                tuple(rows.get(batch, ())),
            )
            for batch, size, changes, bans, first, last_ban, written in found
        ]
        for each in batches:
            self._kept[each.batch] = each
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return batches

    def between(self, first: int, last: int, *, most: int) -> list[BatchBans]:
        """Return the batches from ``first`` to ``last``, the last ``most`` of them; read those that are not kept."""
        first = max(first, last - most + 1)
        start = first
        while start <= last:
            if start not in self._kept:
                self.read(start - 1, last)
                start += PAGE
            else:
                start += 1
        return [self._kept[batch] for batch in range(first, last + 1) if batch in self._kept]

    def of_rows(self, rows: Iterable[int]) -> Iterator[RowBan]:
        """Read the bans behind rows of the outbox; none for a row that was pruned."""
        advance = self._advance()
        for row, batch, ban, cause, written in self._connection.rows("bans_of_rows", ids=json.dumps([*rows])):
            yield RowBan(row, batch, ban, cause, self._begun(batch or 0, written - advance))

    def _begun(self, batch: int, written: float) -> float:
        """Return when a row was committed, or a little before.

        It was written before its COMMIT, in a long transaction long before, or by a session that has set its clock. It
        was not committed when the outbox was last seen fully numbered without it.
        """
        numbered = self._fully_numbered.before(batch)
        return min(written if numbered is None else max(written, numbered), time.time())

    def _advance(self) -> float:
        """Measure the seconds by which the database's clock is ahead of this one; of several times the shortest."""
        if not self._clocks:
            self._connection.rows("clock")  # connects first: the time for that must not count
        if time.monotonic() - self._measured > _CLOCK_INTERVAL:
            began = time.time()
            ((now,),) = self._connection.rows("clock")
            ended = time.time()
            self._clocks = [*self._clocks[1 - _CLOCK_READS :], (ended - began, float(now) - (began + ended) / 2)]
            self._measured = time.monotonic()
        return min(self._clocks)[1]
