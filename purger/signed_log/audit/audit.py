"""Runs the audit of `purger audit --log` from its first leaf to its last row, and fills its report. Changes nothing.

First the leaves in their order: each by itself, the tree that grows from them, its nodes and signed states. Then each
kind of leaf with the rows that it was made from.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mysql.connector.abstracts import MySQLCursorAbstract

from purger.signed_log.audit.key_check import KeyCheck
from purger.signed_log.audit.report import AuditReport, Words
from purger.signed_log.audit.row_audit import RowAudit
from purger.signed_log.audit.stored_leaf import OpenedLeaf, StoredLeaf, check_leaf, open_leaf
from purger.signed_log.audit.tree_check import TreeCheck
from purger.signed_log.backlog import read_backlog
from purger.signed_log.entries import utc_text
from takedown_db.connection.lasting_connection import Connection, fetch
from takedown_log.signed_note import VerifierKey

#: Leaves, and signed states, that are read at once.
_LEAVES, _STATES = 2000, 1000

#: Seconds after which the report says that something waits for its place in the log.
_LATE = 60


def audit_log(
    connection: Connection,
    key: VerifierKey | None,
    published: Iterable[str] = (),
    *,
    begin: Callable[[int], object] = lambda _leaves: None,
    progress: Callable[[int], object] = lambda _leaves: None,
) -> AuditReport:
    """Compare the whole log. ``published`` are signed states that others have kept.

    ``begin`` is called with the number of leaves, each of which ``progress`` counts twice. Raises
    ``DatabaseUnavailableError``.
    """
    report = AuditReport()
    tree = _TreeAudit(connection, key, report)
    for number, note in enumerate(published, 1):
        tree.expect(f"published state {number}", note)
    begin(tree.size)
    tree.run(progress)
    RowAudit(connection, report, progress).run()
    _tell_unwritten(connection, report)
    return report


class _TreeAudit:
    """Reads the leaves in their order, and compares them with what is stored beside them."""

    def __init__(self, connection: Connection, key: VerifierKey | None, report: AuditReport) -> None:
        self._connection = connection
        self._report = report
        self._tree = TreeCheck(report)
        rows = connection.rows("audit_log_state")
        if not rows:
            report.differs("log_state", 1, None, Words("there is one row"), Words("has none"))
        self.size, self._begun = rows[0] if rows else (0, None)
        if self._begun is None:
            report.not_checked.append("The log has not begun: has `purger run --log-key-file` run?")
        # After the end: a key that has signed a state up to there is among them.
        notes = [(row, bytes(note).decode(errors="replace")) for row, note in connection.rows("audit_log_keys")]
        self._keys = KeyCheck(key, notes, report)
        self._trusted = 0  # leaves below the last state that the given key, or a later one, has signed
        self._last_state = 0  # the last state that was read

    def expect(self, name: str, note: str) -> None:
        """Compare a signed state, from outside of the database, with the tree."""
        size = note.split("\n")[1] if note.count("\n") > 1 else ""
        state = self._keys.open(name, int(size) if size.isdecimal() else 0, note)
        if state:
            self._tree.expect(name, state)

    def run(self, progress: Callable[[int], object]) -> None:
        """Check all leaves, nodes and states."""
        first = 0
        while first < self.size:
            self._expect_states(self._last_state, min(first + _LEAVES, self.size))
            with self._connection.snapshot() as cursor:
                read = self._check_leaves(cursor, first)
            self._check_nodes()
            if not read:
                break
            first += _LEAVES
            progress(read)
        self._finish()

    def _check_leaves(self, cursor: MySQLCursorAbstract, first: int) -> int:
        """Check the leaves of the next places; return how many there are."""
        end = min(first + _LEAVES, self.size)
        rows = fetch(cursor, "audit_log_leaves", first=first, end=end, limit=_LEAVES)
        erased, pruned = _excused(cursor, first, end - 1)
        batches = dict(fetch(cursor, "audit_log_events", first=first, end=end))
        for stored in (StoredLeaf(*row) for row in rows):
            opened = check_leaf(stored, erased, self._report)
            if stored.content is None and stored.place >= pruned:
                self._report.differs(
                    "log_leaves", stored.place, "content", Words("it was not pruned"), Words("has none")
                )
            if opened.kind == "key":
                self._keys.compare(opened)
            self._compare_batch(opened, batches.pop(stored.place, None))
            self._tree.grow(stored, opened)
        for place in batches:
            self._report.differs("log_events", place, None, Words("there is no such leaf"), Words("has one"))
        return len(rows)

    def _compare_batch(self, leaf: OpenedLeaf, batch: int | None) -> None:
        """Compare the batch of an act of moderation with the batch by which pruning finds it."""
        logged = leaf.members.get("batch") if leaf.kind == "event" else None
        if logged != batch and not (leaf.pruned and leaf.kind == "event"):
            self._report.differs("log_events", leaf.place, "batch", logged, batch)

    def _check_nodes(self) -> None:
        made = self._tree.take_nodes()
        stored: dict[tuple[int, int], bytes] = {}
        for level in sorted({level for level, _ in made}):
            positions = [position for of_level, position in made if of_level == level]
            rows = self._connection.rows("audit_log_nodes", level=level, first=min(positions), last=max(positions))
            stored |= {(level, position): bytes(node) for level, position, node in rows}
        self._tree.compare_nodes(made, stored)

    def _expect_states(self, after: int, last: int) -> None:
        while page := self._connection.rows("audit_log_checkpoints", after=after, last=last, limit=_STATES):
            for size, note in page:
                after = self._last_state = int(size)
                text = bytes(note).decode(errors="replace")
                state = self._keys.open("log_checkpoints", after, text)
                if state and state.size == after:
                    self._tree.expect("log_checkpoints", state)
                    if self._keys.trusts(text):
                        self._trusted = after

    def _finish(self) -> None:
        self._expect_states(self._last_state, self.size)
        self._tree.finish(self.size, self._begun)
        with self._connection.snapshot() as cursor:
            rows = fetch(cursor, "audit_log_end")
            size, stored, signed, states = (int(each or 0) for each in rows[0]) if rows else (0, 0, 0, 0)
            strange = fetch(cursor, "audit_log_strange_nodes", size=size)
            early = fetch(cursor, "audit_log_events", first=size, end=2**63)
            beyond = fetch(cursor, "audit_log_checkpoints", after=size, last=2**63, limit=_STATES)
        if stored > size:
            self._report.differs(
                "log_leaves", f"{size} to {stored - 1}", None, Words("there are none"), Words("has such leaves")
            )
        for level, position in strange:
            key = f"level {level}, position {position}"
            self._report.differs("log_nodes", key, None, Words("there is no such node"), Words("has one"))
        if states != signed:
            self._report.differs("log_checkpoints", "all", "number", signed, states)
        for place, _ in early:
            self._report.differs("log_events", place, None, Words("there is no such leaf"), Words("has one"))
        for state, _ in beyond:
            self._report.differs(
                "log_checkpoints", state, "size", Words(f"{size} leaves"), Words("has a state of more")
            )
        self._report.leaves, self._report.signed_leaves = self._tree.size, self._trusted
        self._tell_unsigned()

    def _tell_unsigned(self) -> None:
        """Say which leaves no signed state covers, unless they are new."""
        rows = self._connection.rows("audit_log_leaves", first=self._trusted, end=self.size, limit=1)
        leaf = check_leaf(StoredLeaf(*rows[0]), (), AuditReport()) if rows else None
        if leaf and _is_late(leaf.members.get("at")):
            number = self.size - self._trusted
            self._report.not_checked.append(f"{number} leaves are under no signed state: those from {leaf.place} on.")


def _excused(cursor: MySQLCursorAbstract, first: int, last: int) -> tuple[set[int], int]:
    """Read which leaves of a range may lack openings, and up to which place leaves may lack contents."""
    erased = {int(place) for (place,) in fetch(cursor, "audit_log_erased", first=first, last=last)}
    ((pruned,),) = fetch(cursor, "audit_log_pruned")
    for (content,) in fetch(cursor, "audit_log_waiting_removals"):
        members = _members(content)
        if members.get("kind") == "erased":
            erased.add(members["leaf"])
        elif members.get("kind") == "pruned":
            pruned = max(pruned or 0, members["before"])
    return erased, int(pruned or 0)


def _tell_unwritten(connection: Connection, report: AuditReport) -> None:
    """Say what has waited long for its place in the log."""
    backlog = read_backlog(connection)
    if backlog.seconds > _LATE:
        report.not_checked.append(f"{backlog.text()}: does `purger run --log-key-file` run?")


def _members(entry: bytes | None) -> Mapping[str, Any]:
    """Return the members of an entry that waits for its place; none of a malformed one."""
    return open_leaf(StoredLeaf(-1, b"", "", None, entry, None)).members


def _is_late(at: object) -> bool:
    """Tell whether a time (UTC) is more than a minute ago. A leaf without one counts as old."""
    return not isinstance(at, str) or at < utc_text(datetime.now(UTC) - timedelta(seconds=_LATE))
