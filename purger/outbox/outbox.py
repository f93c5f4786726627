"""Reads the outbox in the database, where triggers write each change, and has its rows numbered in batches."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from mysql.connector.abstracts import MySQLCursorAbstract

from purger.model import Position, Row
from takedown_base.printable import printable
from takedown_base.subject_keys import is_subject
from takedown_db.connection.errors import (
    CounterLostError,
    DatabaseUnavailableError,
    NotAdoptedError,
    SchemaOlderError,
)
from takedown_db.connection.lasting_connection import Connection, each_set, fetch
from takedown_db.schema.scripts import migrations
from takedown_db.schema.triggers import Triggers, judge_triggers

#: Most batches that one call has numbered while there are more rows. A stop is noticed after them.
_CHUNKS = 8

#: Most batches that an answer holds with their rows. There are more after an outage in which another purger numbered
#: rows: then the batches that an edge lacks are read for it (``Outbox.rows``).
_BATCHES = 16


class Taken(NamedTuple):
    """The outbox as of one moment, for a poller that knew the batches up to ``known``."""

    known: Position | None
    head: Position  # the last batch given
    same: bool  # the batch ``known`` is still the one of this identity
    pruned: int  # batches up to this one may have left the outbox
    more: bool  # committed rows may wait for a number
    largest: int  # the largest id there was when the poll began, committed or not
    unnumberable: int  # malformed rows that numbering has taken out so far
    rows: list[Row] | None  # of all batches after known up to head; None: not all of them are in this answer
    identities: Mapping[int, str] = MappingProxyType({})  # of the batches of these rows, and of head

    @property
    def gone_back(self) -> bool:
        """True when the database has lost the batch ``known``, or has another one of this number."""
        return self.known is not None and not (self.same and self.known.batch <= self.head.batch)


class _Head(NamedTuple):
    """The second result of the statement ``take_invalidations``, column by column."""

    batch: int
    pruned: int
    read_only: int
    more: int
    largest: int
    unnumberable: int
    identity: str
    adopted: str | None
    same: int


class PrunedError(Exception):
    """The requested rows may have left the outbox: only a flush makes up for them."""


class MalformedRowError(Exception):
    """No purge can be made of a numbered row, as the text says: only a flush makes up for it."""


class Outbox:
    """The outbox, through one connection of its own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def take(
        self, known: Position | None, *, after: int | None = None, wait: float = 0.0, step: float = 0.001
    ) -> Taken:
        """Have all rows numbered that were committed before this call, and read the batches after ``known``.

        With ``after``, an id, only rows beyond it are numbered, and the server waits up to ``wait`` seconds for one,
        checking every ``step`` seconds. Raises ``DatabaseUnavailableError``, as every method here, and
        ``NotAdoptedError`` when the adopted server is another one; nothing is numbered then.
        """
        return self._take(known, lambda _: None, after=after, wait=wait, step=step, chunks=1)

    def take_bulk(self, known: Position | None, found: Callable[[Taken], object]) -> Taken:
        """Have rows numbered and read as ``take`` does, batch after batch while there are more; return the last answer.

        ``found`` is called with each, the last one too. The server numbers the next batch meanwhile.
        """
        return self._take(known, found, after=None, wait=0.0, step=0.001, chunks=_CHUNKS)

    def _take(self, known: Position | None, found: Callable[[Taken], object], **parameters: Any) -> Taken:
        taken: Taken | None = None

        def work(cursor: MySQLCursorAbstract) -> Taken:
            nonlocal known, taken
            number, identity = known or (None, None)
            named = {"known": number, "identity": identity, "server": self._connection.server, "batches": _BATCHES}
            sets = each_set(cursor, "take_invalidations", **named, **parameters)
            for rows in sets:
                heads = next(sets, None)
                if heads is None:
                    break  # the empty result at the end of each CALL
                taken = self._judge(known, rows, heads)
                known = taken.head  # also where the next batch is rolled back and asked for again
                found(taken)
            if taken is None:
                raise CounterLostError
            return taken

        return self._connection.repeated(work)

    def _judge(self, known: Position | None, rows: list[tuple[Any, ...]], heads: list[tuple[Any, ...]]) -> Taken:
        if not heads:
            raise CounterLostError
        head = _Head(*heads[0])
        if head.read_only:
            raise DatabaseUnavailableError("the server has become read-only, as replicas are: connect to the primary")
        if head.adopted != self._connection.server:
            raise NotAdoptedError(head.adopted, self._connection.server)
        return _taken(known, head, rows)

    def catch_up(self) -> None:
        """Wait until the server shows all that its replication group, if it has one, had committed before this call."""
        self._connection.catch_up()

    def rows(self, after: int, last: int) -> list[Row]:
        """Read the rows of the batches after ``after`` up to ``last``.

        Raises ``PrunedError`` when some may be missing, and ``MalformedRowError`` when no purge can be made of one. The
        last pruned batch is read after the rows: a pruning moves it in the transaction that removes rows.
        """
        with self._connection.cursor() as cursor:
            rows = [Row(*row) for row in fetch(cursor, "outbox_rows", after=after, last=last)]
            numbering = fetch(cursor, "pruning_mark")
        if not numbering:
            raise CounterLostError
        ((pruned, given),) = numbering
        if pruned > after:
            raise PrunedError
        if given < last:
            raise DatabaseUnavailableError(f"it has no batch {last}: it has gone back")
        if row := first_malformed(rows):
            shown = f"{printable(row.scope)} {printable(row.subject)}"
            raise MalformedRowError(f"row {row.id} of the outbox is malformed: {shown}")
        return rows

    def reach(self, after: int, head: int, limit: int) -> Position:
        """Find the batch up to which there are about ``limit`` rows after ``after``: ``head`` or one before it."""
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
        """Read the identity that this database has given a batch; None where it has given no such number."""
        for (identity,) in self._connection.rows("batch_identity", batch=batch):
            return str(identity)
        return None

    def later_migrations(self) -> tuple[str, ...]:
        """Name the migrations that a later version has applied. Raises ``SchemaOlderError`` where some are missing."""
        applied = {str(name) for (name,) in self._connection.rows("migrate_applied")}
        if missing := sorted(migrations().keys() - applied):
            raise SchemaOlderError(missing)
        return tuple(sorted(applied - migrations().keys()))

    def triggers(self) -> Triggers:
        """Read and judge the triggers of this schema."""
        return judge_triggers(self._connection.rows("present_triggers"))


def _taken(known: Position | None, head: _Head, found: list[tuple[Any, ...]]) -> Taken:
    rows, identities = list[Row](), dict[int, str]()
    for *columns, identity in found:
        row = Row(*columns)
        rows.append(row)
        if identity is not None:
            identities[row.batch] = identity
    whole = known is not None and head.pruned <= known.batch and head.batch - known.batch <= _BATCHES
    return Taken(
        known=known,
        head=Position(head.batch, head.identity),
        same=bool(head.same),
        pruned=head.pruned,
        more=bool(head.more),
        largest=head.largest,
        unnumberable=head.unnumberable,
        rows=rows if whole and not first_malformed(rows) else None,
        identities=identities | {head.batch: head.identity},
    )


def first_malformed(rows: Iterable[Row]) -> Row | None:
    """Return the first row of which no purge can be made; None without one. A session can switch off the checks."""
    return next((row for row in rows if not is_subject(row.scope, row.subject)), None)
