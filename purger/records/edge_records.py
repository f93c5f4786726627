"""Writes receipts and probe results of edges into a transaction: each with its leaf of the signed log."""

from collections.abc import Iterable, Sequence
from typing import Any

from mysql.connector.abstracts import MySQLCursorAbstract

from purger.model import ProbeResult, Receipt
from purger.records.rows import log_entry_values, probe_result_values, receipt_values
from purger.signed_log.entries import Leaf, leaf_of_probe, leaf_of_receipt
from takedown_db.statements import statement

#: Rows written or read by one statement.
ROWS_A_STATEMENT = 1000


def record_receipts(cursor: MySQLCursorAbstract, receipts: Sequence[Receipt]) -> None:
    """Write receipts, and their leaves."""
    _insert(cursor, "record_receipt", [receipt_values(each) for each in receipts])
    _record_leaves(cursor, map(leaf_of_receipt, receipts))


def record_probes(cursor: MySQLCursorAbstract, probe_results: Sequence[ProbeResult]) -> None:
    """Write results with their leaves, and the remarks of probes that proved nothing."""
    results = [each for each in probe_results if each.at is not None]
    remarks = [each for each in probe_results if each.at is None and (each.removed is not None or each.note)]
    _insert(cursor, "record_probe_result", [probe_result_values(each) for each in results])
    _insert(cursor, "record_probe_remark", [probe_result_values(each) for each in remarks])
    _record_leaves(cursor, filter(None, map(leaf_of_probe, results)))


def _record_leaves(cursor: MySQLCursorAbstract, leaves: Iterable[Leaf]) -> None:
    """Write leaves that wait for their place in the log."""
    _insert(cursor, "record_log_entry", [log_entry_values(each) for each in leaves])


def _insert(cursor: MySQLCursorAbstract, name: str, values: Sequence[dict[str, Any]]) -> None:
    """Run the statement ``name``, of which the driver makes one INSERT of many rows."""
    # It searches the text for the row, which an odd number of quotes would mislead.
    for start in range(0, len(values), ROWS_A_STATEMENT):
        cursor.executemany(statement(name), values[start : start + ROWS_A_STATEMENT])
