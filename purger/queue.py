"""The outbox in the database: polling, numbering and reading it. No HTTP here."""

import hashlib
import re
from functools import cache
from importlib import resources
from typing import NamedTuple

from purger.errors import DatabaseUnavailableError
from purger.link import Link, fetch
from purger.model import Row, Triggers

#: The oldest rows that number_invalidations_v1 takes in one call.
_ROWS_A_CALL = 5000


class Poll(NamedTuple):
    """What one look at the outbox shows, all of it as of one moment."""

    head: int  # the last batch number given
    pruned: int  # batches up to this one may have left the outbox
    pending: bool  # committed rows wait for a number


class PrunedError(Exception):
    """The rows asked for may have left the outbox: only a flush makes the edge true again."""


class Queue:
    """The outbox, through one connection of its own."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def poll(self) -> Poll:
        """Look at the outbox. Raises ``DatabaseUnavailableError``, as every method here."""
        rows = self._link.rows("poll")
        if not rows:
            raise DatabaseUnavailableError("the table numbering has lost its row; run `purger migrate`")
        head, pruned, pending, read_only = rows[0]
        if read_only:
            raise DatabaseUnavailableError("the server has become read-only, as replicas are: connect to the primary")
        return Poll(head, pruned, bool(pending))

    def number(self) -> tuple[int, bool]:
        """Give visible rows the next batch number.

        The last batch number then, whoever gave it, and whether all rows that were committed before this call have
        one. A call that takes fewer rows than it may has seen no more.
        """
        head, size = self._link.rows("number")[0]
        return int(head), int(size) < _ROWS_A_CALL

    def rows(self, after: int, last: int) -> list[Row]:
        """The rows of the batches after ``after`` up to ``last``.

        Raises ``PrunedError`` when some may be missing. The mark is read after the rows: whatever a pruning took before
        they were read had moved the mark in the same transaction.
        """
        with self._link.cursor() as cursor:
            rows = [Row(*row) for row in fetch(cursor, "rows", after=after, last=last)]
            mark = fetch(cursor, "poll")[0][1]
        if mark > after:
            raise PrunedError
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


@cache
def expected_triggers() -> frozenset[tuple[str, str]]:
    """The triggers that the schema defines: name and table."""
    text = resources.files("purger").joinpath("schema", "triggers.sql").read_text(encoding="utf-8")
    return frozenset(re.findall(r"\bTRIGGER IF NOT EXISTS (\w+) AFTER \w+ ON (\w+)", text))


def judge_triggers(standing: list[tuple[object, ...]]) -> Triggers:
    """Compare the triggers that stand (name, table, created) with those that the schema defines.

    A trigger moves with a table that is renamed: on another table than its own it misses every change. Others, such as
    a site's own hooks, are left out: flushing the edges would mend nothing that a hook missed.
    """
    ours = {(str(row[0]), str(row[1])): " ".join(map(str, row)) for row in standing if row[:2] in expected_triggers()}
    missing = sorted(name for name, _ in expected_triggers() - ours.keys())
    return Triggers(hashlib.sha256("\n".join(sorted(ours.values())).encode()).hexdigest(), tuple(missing))


def strayed_triggers(standing: list[tuple[object, ...]]) -> list[tuple[str, str]]:
    """Those of ours that stand on another table than their own: name and that table."""
    names = {name for name, _ in expected_triggers()}
    found = [(str(row[0]), str(row[1])) for row in standing if row[0] in names]
    return [trigger for trigger in found if trigger not in expected_triggers()]
