"""Reads leaves and their rows in chunks, and hands each chunk to ``edge_comparison`` or ``event_comparison``.

Each chunk is a snapshot of its own: a receipt and its entry in the log appear together, and the server need not keep
old versions of rows for as long as an audit takes.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mysql.connector.abstracts import MySQLCursorAbstract

from purger.signed_log.audit.audited_rows import ProbeRow, PurgeRow, Reach, ReceiptRow, Unlogged
from purger.signed_log.audit.edge_comparison import compare_probes, compare_receipts
from purger.signed_log.audit.event_comparison import AuditedBan, compare_bans, compare_batches, compare_events
from purger.signed_log.audit.report import AuditReport, Count, Finding, Words
from purger.signed_log.audit.stored_leaf import OpenedLeaf, StoredLeaf, open_leaf
from purger.signed_log.entries import BatchedPurge, BatchRow, EventRow, row_hashes, source_of
from takedown_db.connection.lasting_connection import Connection, fetch
from takedown_log.leaves import RECEIPTS

#: Numbers (of batches, or ids of rows) whose leaves and rows are compared at once.
_SPAN = 500

#: Rows of the outbox after which the further batches are read by themselves.
_PURGES = 20_000

#: Bans, and entries that wait for their place, that are read at once.
_PAGE = 1000


def differing_row(connection: Connection, sources: Iterable[tuple[str, int]]) -> str | None:
    """Compare leaves of these kinds and numbers with their rows; return a sentence about one that differs, or None.

    Raises ``DatabaseUnavailableError``.
    """
    audit = RowAudit(connection, AuditReport(), lambda _leaves: None)
    for kind, source in sources:
        if findings := audit.compare(kind, source):
            return findings[0].text()
    return None


class RowAudit:
    """Compares all leaves with their rows, and the rows with their leaves."""

    def __init__(self, connection: Connection, report: AuditReport, progress: Callable[[int], object]) -> None:
        """Add what differs to ``report``. ``progress`` is called with the number of leaves of each chunk."""
        self._connection = connection
        self._report = report
        self._progress = progress

    def run(self) -> None:
        """Compare all tables. Raises ``DatabaseUnavailableError``."""
        self._walk("audit_next_batch", self._batches)
        self._walk("audit_next_event", self._events)
        self._walk("audit_next_acknowledged", self._receipts, edges=self._edges("audit_receipt_edges"))
        self._walk("audit_next_seen", self._probes, edges=self._edges("audit_probe_edges"))
        after = -1
        while page := [AuditedBan(*row) for row in self._connection.rows("audit_bans", after=after, limit=_PAGE)]:
            compare_bans(page, self._report)
            after = page[-1].id

    def compare(self, kind: str, source: int) -> list[Finding]:
        """Compare the leaves of one kind and number with their row; return what differs so far."""
        comparisons = {
            "batch": (self._batches, None),
            "event": (self._events, None),
            "acknowledged": (self._receipts, "audit_receipt_edges"),
            "seen": (self._probes, "audit_probe_edges"),
        }
        if kind in comparisons:
            compare, edges = comparisons[kind]
            values = {"edges": self._edges(edges)} if edges else {}
            with self._connection.snapshot() as cursor:
                compare(_Chunk(cursor, {"after": source - 1, "last": source, **values}))
        return self._report.findings

    def _edges(self, name: str) -> str:
        """Read the edges of a table, all of which its key begins with, as JSON."""
        return json.dumps([str(edge) for (edge,) in self._connection.rows(name)])

    def _walk(self, following: str, compare: "Callable[[_Chunk], list[Unlogged]]", **values: str) -> None:
        """Compare chunk by chunk. Each begins at the next number, which the statement ``following`` reads.

        ``values`` are further parameters of the statements.
        """
        after = -1
        while True:
            (numbers,) = self._connection.rows(following, after=after, **values)
            found = [int(each) for each in numbers if each is not None]
            if not found:
                return
            first, after = min(found) - 1, min(found) - 1 + _SPAN
            with self._connection.snapshot() as cursor:
                chunk = _Chunk(cursor, {"after": first, "last": after, **values})
                self._judge(chunk, compare(chunk))
            self._progress(chunk.leaves_read)

    def _judge(self, chunk: "_Chunk", unlogged: Sequence[Unlogged]) -> None:
        """Add the rows without a leaf, unless an entry for them waits for its place."""
        waiting = chunk.waiting() if unlogged else set()
        for row in unlogged:
            if (row.kind, row.members) in waiting:
                self._report.count(Count.WAITING)
            else:
                self._report.no_leaf(row.table, row.key)

    def _batches(self, chunk: "_Chunk") -> list[Unlogged]:
        rows = [BatchRow(*row) for row in chunk.rows("audit_batches")]
        for (batch,) in chunk.rows("audit_batches_to_come"):
            self._report.differs("batches", batch, None, Words("no such number was given"), Words("has one"))
        sizes, reach = dict(chunk.rows("audit_batch_sizes")), chunk.reach()
        for (purge,) in chunk.purges_without_acts(reach.first_batch, reach.outbox_pruned):
            self._report.no_leaf("invalidations", purge)
        hashes = chunk.row_hashes({batch: size for batch, size in sizes.items() if batch > reach.outbox_pruned})
        return compare_batches(chunk.leaves("batch"), rows, sizes, hashes, reach, self._report)

    def _events(self, chunk: "_Chunk") -> list[Unlogged]:
        rows = (EventRow._make((*row, None)) for row in chunk.rows("audit_events"))
        purges = {row[0]: PurgeRow(*row) for row in chunk.rows("audit_purges_of_events")}
        malformed = frozenset(each for (each,) in chunk.rows("audit_malformed_purges"))
        standing = frozenset(each for (each,) in chunk.rows("audit_standing_events"))
        for (ban,) in chunk.rows("audit_vanished_bans"):
            self._report.differs("bans", ban, None, Words("there is one"), Words("has none"))
        leaves = chunk.leaves("event")
        return compare_events(leaves, rows, purges, malformed, standing, chunk.reach(), self._report)

    def _receipts(self, chunk: "_Chunk") -> list[Unlogged]:
        rows = map(ReceiptRow._make, chunk.rows("audit_receipts"))
        leaves = chunk.leaves("acknowledged")
        return compare_receipts(leaves, rows, chunk.kept_ranges, chunk.reach(), self._report)

    def _probes(self, chunk: "_Chunk") -> list[Unlogged]:
        rows = [ProbeRow(*row) for row in chunk.rows("audit_probes")]
        purges, leaves, reach = dict(chunk.rows("audit_purges")), chunk.leaves("seen"), chunk.reach()
        trial = AuditReport()
        unlogged = compare_probes(leaves, rows, purges, reach, trial)
        if trial.altered:
            # A row has a later result at once, whose leaf may wait for its place.
            trial = AuditReport()
            unlogged = compare_probes([*leaves, *chunk.waiting_leaves("seen")], rows, purges, reach, trial)
        self._report.merge(trial)
        return unlogged


class _Chunk:
    """The leaves and rows of the numbers after ``after`` up to ``last``, in one snapshot."""

    def __init__(self, cursor: MySQLCursorAbstract, values: Mapping[str, int | str]) -> None:
        """Take ``after`` and ``last``, and further parameters of the statements."""
        self._cursor = cursor
        self._values = values
        self.leaves_read = 0

    def rows(self, name: str) -> list[tuple[Any, ...]]:
        """Run a statement on these numbers."""
        return fetch(self._cursor, name, **self._values)

    def leaves(self, kind: str) -> list[OpenedLeaf]:
        """Read the leaves of a kind, or the receipts under them, in the order of the log."""
        rows = fetch(self._cursor, "audit_log_sources", kind=kind, **self._values)
        self.leaves_read += len(rows)
        return [each for row in rows for each in _receipts(open_leaf(StoredLeaf(*row)))]

    def reach(self) -> Reach:
        """Read how far log and pruning have come. A log that has not begun reaches to no batch."""
        ((first, last, event, outbox, receipts, leaf),) = fetch(self._cursor, "audit_log_reach")
        end = -1 if last is None else int(last)
        began = open_leaf(StoredLeaf(0, b"", "", None, leaf, None)).members.get("at", "")
        return Reach(end + 1 if first is None else int(first), end, event or 0, began, outbox or 0, receipts or 0)

    def row_hashes(self, sizes: Mapping[int, int]) -> dict[int, str]:
        """Read the rows of batches of these sizes, some batches at once; return the hash of each batch's rows."""
        hashes, ordered = dict[int, str](), sorted(sizes)
        first, rows = None, 0
        for batch in ordered:
            first = batch if first is None else first
            rows += sizes[batch]
            if rows >= _PURGES or batch == ordered[-1]:
                read = fetch(self._cursor, "audit_purges_of_batches", after=first - 1, last=batch)
                hashes |= row_hashes(map(BatchedPurge._make, read))
                first, rows = None, 0
        return hashes

    def purges_without_acts(self, first: int, pruned: int) -> list[tuple[Any, ...]]:
        """Read the rows that no act caused of batches of the log, from ``first`` up to the last that was ``pruned``."""
        after, last = max(int(self._values["after"]), first - 1), min(int(self._values["last"]), pruned)
        return fetch(self._cursor, "audit_purges_without_acts", after=after, last=last) if after < last else []

    def kept_ranges(self, ranges: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
        """Choose of ranges of batches those of which a batch has its row yet."""
        rows = fetch(self._cursor, "audit_kept_ranges", ranges=json.dumps(ranges))
        return {(int(first), int(last)) for first, last in rows}

    def waiting(self) -> set[tuple[str, tuple[Any, ...]]]:
        """Read the kinds and keys of all entries that wait for their place."""
        keys = set[tuple[str, tuple[Any, ...]]]()
        for leaf in self._waiting():
            members = leaf.members
            if leaf.kind == "acknowledged":
                keys.add((leaf.kind, (members["edge"], members["last"])))
            elif leaf.kind == "seen":
                keys.add((leaf.kind, (members["edge"], members["row"], members.get("code", ""))))
        return keys

    def waiting_leaves(self, kind: str) -> list[OpenedLeaf]:
        """Read the leaves of a kind for these numbers that wait for their place, in their order."""
        after, last = int(self._values["after"]), int(self._values["last"])
        return [leaf for leaf in self._waiting() if leaf.kind == kind and after < (leaf.source or 0) <= last]

    def _waiting(self) -> Iterator[OpenedLeaf]:
        """Read the leaves that wait for their place. Passes over those that are malformed."""
        after = 0
        while page := fetch(self._cursor, "audit_log_waiting", after=after, limit=_PAGE):
            after = page[-1][0]
            for _, content, openings in page:
                for leaf in _receipts(open_leaf(StoredLeaf(-1, b"", "", None, content, openings))):
                    if not leaf.pruned:
                        yield replace(leaf, kind=leaf.members["kind"], source=source_of(leaf.members))


def _receipts(leaf: OpenedLeaf) -> tuple[OpenedLeaf, ...]:
    """Return the receipts of a leaf of which the database still has them; of any other kind the leaf itself."""
    return leaf.receipts if leaf.members.get("kind") in RECEIPTS else (leaf,)
