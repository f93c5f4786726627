"""The outbox in the database: polling, numbering and reading it. No HTTP here."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from purger.model import Position, Row
from takedown_db.connection import Connection, fetch, fetch_sets
from takedown_db.errors import CounterLostError, DatabaseUnavailableError, NotAdoptedError
from takedown_db.printable import printable
from takedown_db.schema.triggers import Triggers, judge_triggers

#: Batches answered with their rows at most. More have come when another purger numbered them while this one was cut
#: off: then each edge reads what it needs.
_BATCHES = 16

_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Taken(NamedTuple):
    """The outbox as of one moment, for a poller that knew the batches up to ``known``."""

    known: Position | None
    head: Position  # the last batch given
    same: bool  # the batch ``known`` is still the one of this identity
    pruned: int  # batches up to this one may have left the outbox
    more: bool  # committed rows may wait for a number
    largest: int  # the largest id there was when the look began, committed or not
    unnumberable: int  # malformed rows that numbering has taken out so far
    rows: list[Row] | None  # of all batches after known up to head; None when they are not all here
    identities: Mapping[int, str] = MappingProxyType({})  # of the batches of these rows, and of head

    @property
    def gone_back(self) -> bool:
        """Whether the database has lost the batch ``known``, or has another one of this number."""
        return self.known is not None and not (self.same and self.known.batch <= self.head.batch)


class PrunedError(Exception):
    """The rows asked for may have left the outbox: only a flush makes the edge true again."""


class MalformedRowError(Exception):
    """A numbered row is none that a purge can be made of, as the text says: only a flush makes up for it."""


class Outbox:
    """The outbox, through one connection of its own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def take(
        self, known: Position | None, *, after: int | None = None, wait: float = 0.0, step: float = 0.001
    ) -> Taken:
        """Number what was committed before this call, and read what has come after batch ``known``.

        With ``after``, an id, only rows beyond it are looked at, and the server waits up to ``wait`` seconds for one,
        looking every ``step`` seconds. Raises ``DatabaseUnavailableError``, as every method here, and
        ``NotAdoptedError`` when another server speaks for the database; nothing is numbered then.
        """
        number, identity = known or (None, None)
        with self._connection.cursor() as cursor:
            sets = fetch_sets(
                cursor,
                "take_invalidations",
                known=number,
                identity=identity,
                server=self._connection.server,
                batches=_BATCHES,
                after=after,
                wait=wait,
                step=step,
            )
        if len(sets) < 2 or not sets[1]:
            raise CounterLostError
        head, pruned, read_only, more, largest, unnumberable, head_identity, adopted, same = sets[1][0]
        if read_only:
            raise DatabaseUnavailableError("the server has become read-only, as replicas are: connect to the primary")
        if adopted != self._connection.server:
            raise NotAdoptedError(adopted, self._connection.server)
        rows = [Row(*row[:5]) for row in sets[0]]
        identities = {row[1]: row[5] for row in sets[0] if row[5] is not None} | {head: head_identity}
        whole = number is not None and pruned <= number and head - number <= _BATCHES and not first_malformed(rows)
        return Taken(
            known,
            Position(head, head_identity),
            bool(same),
            pruned,
            bool(more),
            largest,
            unnumberable,
            rows if whole else None,
            identities,
        )

    def catch_up(self) -> None:
        """Wait until the server shows all that its replication group, if it has one, had committed before this call."""
        self._connection.catch_up()

    def rows(self, after: int, last: int) -> list[Row]:
        """The rows of the batches after ``after`` up to ``last``.

        Raises ``PrunedError`` when some may be missing, ``MalformedRowError`` when one says nothing. The mark is read
        after the rows: whatever a pruning took before they were read had moved the mark in the same transaction.
        """
        with self._connection.cursor() as cursor:
            rows = [Row(*row) for row in fetch(cursor, "outbox_rows", after=after, last=last)]
            marks = fetch(cursor, "pruning_mark")
        if not marks:
            raise CounterLostError
        mark, given = marks[0]
        if mark > after:
            raise PrunedError
        if given < last:
            raise DatabaseUnavailableError(f"it has no batch {last}: it has gone back")
        if row := first_malformed(rows):
            shown = f"{printable(row.scope)} {printable(row.subject)}"
            raise MalformedRowError(f"row {row.id} of the outbox is malformed: {shown}")
        return rows

    def reach(self, after: int, head: int, limit: int) -> Position:
        """The batch up to which there are about ``limit`` rows after ``after``: ``head`` at most, one more at least."""
        last, total = None, 0
        for batch, size, identity in self._connection.rows("batch_sizes", after=after):
            if batch > head or (total and total + size > limit):
                break
            last, total = Position(batch, identity), total + size
        if last is None and (identity := self.position(head)) is not None:
            last = Position(head, identity)
        if last is None:
            raise DatabaseUnavailableError(f"it has no batch {head}: it has gone back")
        return last

    def position(self, batch: int) -> str | None:
        """The identity of a batch, as this database knows it; None: it has given no such number."""
        rows = self._connection.rows("batch_identity", batch=batch)
        return str(rows[0][0]) if rows else None

    def triggers(self) -> Triggers:
        """The triggers of ours that stand now."""
        return judge_triggers(self._connection.rows("standing_triggers"))


def first_malformed(rows: Iterable[Row]) -> Row | None:
    """The first row of which no purge can be made, if any: a session can switch off what the schema checks."""
    return next((row for row in rows if row.scope not in ("image", "owner") or not _KEY.fullmatch(row.subject)), None)
