"""Collects what an audit of the signed log finds: alterations, counts, and what it could not check."""

from dataclasses import dataclass, field
from enum import StrEnum

#: The number of alterations that are listed. All are counted.
LISTED = 1000


class Words(str):
    """Words instead of a value, such as ``has none``. Values are shown with quotes, words without."""

    __slots__ = ()


class Count(StrEnum):
    """A kind of leaves or rows that an audit counts: the name of the field of the report that has the number."""

    COMPARED = "compared"
    ROWS_PRUNED = "rows_pruned"
    LEAVES_PRUNED = "leaves_pruned"
    LEAVES_ERASED = "leaves_erased"
    BEFORE = "rows_before"
    WAITING = "rows_waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A difference between the database and the log, or within the log. Texts come from the database."""

    table: str
    row: str  # its key, in words
    column: str | None = None  # None: the row as a whole
    log: str  # what the log says
    database: str  # what the database says

    def text(self) -> str:
        """Return it as a sentence."""
        column = f", {self.column}" if self.column else ""
        return f"{self.table} {self.row}{column}: the log says {self.log}, the database {self.database}"


@dataclass(slots=True)
class AuditReport:
    """The result of an audit. The fields are the keys of `purger audit --log --json`."""

    leaves: int = 0
    checkpoints: int = 0  # that were compared with the tree
    signed_leaves: int = 0  # below the last checkpoint that the given key, or one that followed it, has signed
    compared: int = 0  # acts and receipts in leaves that have a row, or are one of several that led to it
    rows_pruned: int = 0  # leaves whose row is past its retention
    rows_pruned_until: str | None = None  # the latest time (UTC) of such a leaf
    leaves_pruned: int = 0  # leaves whose content is past its retention
    leaves_erased: int = 0  # leaves of which a value was erased, on record
    rows_before: int = 0  # rows from before the log began
    rows_waiting: int = 0  # rows that have no place in the log yet
    altered: int = 0
    findings: list[Finding] = field(default_factory=list)  # the first of ``altered``
    not_checked: list[str] = field(default_factory=list)  # sentences

    def add(self, finding: Finding) -> None:
        """Count an alteration, and list it if there is room."""
        self.altered += 1
        if len(self.findings) < LISTED:
            self.findings.append(finding)

    def merge(self, part: "AuditReport") -> None:
        """Add the alterations and counts of a part of the audit."""
        self.altered += part.altered
        self.findings += part.findings[: LISTED - len(self.findings)]
        for kind in Count:
            self.count(kind, part.number(kind))
        self.rows_pruned_until = max(filter(None, (self.rows_pruned_until, part.rows_pruned_until)), default=None)

    def differs(self, table: str, row: object, column: str | None, log: object, database: object) -> None:
        """Add a difference between two values, or between a value and words."""
        self.add(Finding(table=table, row=str(row), column=column, log=_shown(log), database=_shown(database)))

    def no_row(self, table: str, row: object, leaf: int) -> None:
        """Add a leaf whose row is gone before its time."""
        self.add(Finding(table=table, row=str(row), log=f"there is one (leaf {leaf})", database="has none"))

    def no_leaf(self, table: str, row: object) -> None:
        """Add a row that has no leaf."""
        self.add(Finding(table=table, row=str(row), log="no such row", database="has one"))

    def count(self, kind: Count, number: int = 1) -> None:
        """Count leaves or rows."""
        setattr(self, kind, self.number(kind) + number)

    def number(self, kind: Count) -> int:
        """Return how many leaves or rows were counted."""
        return int(getattr(self, kind))

    def row_pruned(self, at: str | None) -> None:
        """Count a leaf of the time ``at`` (UTC) whose row is past its retention."""
        self.count(Count.ROWS_PRUNED)
        self.rows_pruned_until = max(filter(None, (self.rows_pruned_until, at)), default=None)


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    return str(value) if isinstance(value, Words) else repr(value)
