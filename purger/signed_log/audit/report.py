"""Collects what an audit of the signed log finds: alterations, counts, and what it could not check."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

#: The number of alterations that are listed. All are counted.
LISTED = 1000


class Words(str):
    """Words that stand for a value where there is none, such as ``has none``. A value is shown with quotes."""

    __slots__ = ()


class Count(StrEnum):
    """A kind of leaves or rows that an audit passes over, or has compared."""

    COMPARED = "compared"  # leaves that have a row, or are one of several that led to a row
    ROWS_PRUNED = "rows_pruned"  # leaves whose row is past its retention
    LEAVES_PRUNED = "leaves_pruned"  # leaves whose content is past its retention
    LEAVES_ERASED = "leaves_erased"  # leaves of which a value was erased, on record
    BEFORE = "before"  # rows from before the log began
    WAITING = "waiting"  # rows that have no place in the log yet


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
class Report:
    """The result of an audit. ``findings`` has the first of ``altered``."""

    leaves: int = 0
    checkpoints: int = 0  # that were compared with the tree
    signed: int = 0  # leaves below the last checkpoint that the given key, or one that followed it, has signed
    altered: int = 0
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[Count] = field(default_factory=Counter)
    last_pruned: str | None = None  # the latest time of a leaf whose row is past its retention (UTC)
    unchecked: list[str] = field(default_factory=list)  # sentences

    def add(self, finding: Finding) -> None:
        """Count an alteration, and list it if there is room."""
        self.altered += 1
        if len(self.findings) < LISTED:
            self.findings.append(finding)

    def merge(self, part: "Report") -> None:
        """Add the alterations and counts of a part of the audit."""
        self.altered += part.altered
        self.findings += part.findings[: LISTED - len(self.findings)]
        self.counts += part.counts
        self.last_pruned = max(filter(None, (self.last_pruned, part.last_pruned)), default=None)

    def differs(self, table: str, row: object, column: str | None, log: object, database: object) -> None:
        """Add a difference between two values, or between a value and words."""
        self.add(Finding(table=table, row=str(row), column=column, log=_shown(log), database=_shown(database)))

    def no_row(self, table: str, row: object, leaf: int) -> None:
        """Add a leaf whose row is gone before its time."""
        self.add(Finding(table=table, row=str(row), log=f"there is one (leaf {leaf})", database="has none"))

    def no_leaf(self, table: str, row: object) -> None:
        """Add a row that the log does not know."""
        self.add(Finding(table=table, row=str(row), log="there is none", database="has one"))

    def count(self, kind: Count, number: int = 1) -> None:
        """Count leaves or rows."""
        self.counts[kind] += number

    def row_pruned(self, at: str | None) -> None:
        """Count a leaf of the time ``at`` (UTC) whose row is past its retention."""
        self.count(Count.ROWS_PRUNED)
        self.last_pruned = max(filter(None, (self.last_pruned, at)), default=None)


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    return str(value) if isinstance(value, Words) else repr(value)
