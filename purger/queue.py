"""The outbox in the database: polling, numbering and reading it. No HTTP here."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from database.text import printable
from purger.errors import DatabaseUnavailableError
from purger.link import Link, fetch, fetch_sets
from purger.model import Row, Triggers
from purger.triggers import judge_triggers

#: Batches answered with their rows at most. More have come when another purger numbered them while this one was cut
#: off: then each edge reads what it needs.
_BATCHES = 16

_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Taken(NamedTuple):
    """The outbox as of one moment, for a poller that knew the batches up to ``known``."""

    known: int | None
    head: int  # the last batch number given; lower than known when the database has gone back
    pruned: int  # batches up to this one may have left the outbox
    more: bool  # committed rows may wait for a number
    largest: int  # the largest id there was when the look began, committed or not
    unnumberable: int  # malformed rows that numbering has taken out so far
    rows: list[Row] | None  # of all batches after known up to head; None when they are not all here


class PrunedError(Exception):
    """The rows asked for may have left the outbox: only a flush makes the edge true again."""


class MalformedRowError(Exception):
    """A numbered row is none that a purge can be made of, as the text says: only a flush makes up for it."""


class Queue:
    """The outbox, through one connection of its own."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def take(self, known: int | None, *, after: int | None = None, wait: float = 0.0, step: float = 0.001) -> Taken:
        """Number what was committed before this call, and read what has come after batch ``known``.

        With ``after``, an id, only rows beyond it are looked at, and the server waits up to ``wait`` seconds for one,
        looking every ``step`` seconds. Raises ``DatabaseUnavailableError``, as every method here.
        """
        with self._link.cursor() as cursor:
            sets = fetch_sets(cursor, "take", known=known, batches=_BATCHES, after=after, wait=wait, step=step)
        if len(sets) < 2 or not sets[1]:
            raise DatabaseUnavailableError("the table numbering has lost its row; run `purger migrate`")
        head, pruned, read_only, more, largest, unnumberable = sets[1][0]
        if read_only:
            raise DatabaseUnavailableError("the server has become read-only, as replicas are: connect to the primary")
        rows = [Row(*row) for row in sets[0]]
        whole = known is not None and pruned <= known and head - known <= _BATCHES and not first_malformed(rows)
        return Taken(known, head, pruned, bool(more), largest, unnumberable, rows if whole else None)

    def rows(self, after: int, last: int) -> list[Row]:
        """The rows of the batches after ``after`` up to ``last``.

        Raises ``PrunedError`` when some may be missing, ``MalformedRowError`` when one says nothing. The mark is read
        after the rows: whatever a pruning took before they were read had moved the mark in the same transaction.
        """
        with self._link.cursor() as cursor:
            rows = [Row(*row) for row in fetch(cursor, "rows", after=after, last=last)]
            mark = fetch(cursor, "mark")[0][0]
        if mark > after:
            raise PrunedError
        if row := first_malformed(rows):
            shown = f"{printable(row.scope)} {printable(row.subject)}"
            raise MalformedRowError(f"row {row.id} of the outbox is malformed: {shown}")
        return rows

    def reach(self, after: int, head: int, limit: int) -> int:
        """The batch up to which there are about ``limit`` rows after ``after``: ``head`` at most, one more at least."""
        last, total = after, 0
        for batch, size in self._link.rows("sizes", after=after):
            if batch > head or (total and total + size > limit):
                break
            last, total = batch, total + size
        return last if last > after else head

    def triggers(self) -> Triggers:
        """The triggers of ours that stand now."""
        return judge_triggers(self._link.rows("triggers"))


def first_malformed(rows: Iterable[Row]) -> Row | None:
    """The first row of which no purge can be made, if any: a session can switch off what the schema checks."""
    return next((row for row in rows if row.scope not in ("image", "owner") or not _KEY.fullmatch(row.subject)), None)
