"""Writes probe results into a transaction: each result with its leaf of the signed log, and remarks apart from them."""

from collections.abc import Sequence
from typing import Any

from mysql.connector.abstracts import MySQLCursorAbstract

from purger.model import ProbeResult
from purger.signed_log.entries import Leaf, leaf_of_probe
from purger.statement_values import log_entry_values, probe_result_values
from takedown_db.statements import statement

#: Rows written by one statement.
_ROWS_A_STATEMENT = 1000


def record_probes(cursor: MySQLCursorAbstract, probe_results: Sequence[ProbeResult]) -> None:
    """Write results, the remarks of probes that proved nothing, and the leaves of the results."""
    results = [each for each in probe_results if each.at is not None]
    remarks = [each for each in probe_results if each.at is None and (each.removed is not None or each.note)]
    insert(cursor, "record_probe_result", [probe_result_values(each) for each in results])
    insert(cursor, "record_probe_remark", [probe_result_values(each) for each in remarks])
    record_leaves(cursor, [leaf for leaf in map(leaf_of_probe, results) if leaf])


def record_leaves(cursor: MySQLCursorAbstract, leaves: Sequence[Leaf]) -> None:
    """Write leaves that wait for their place in the signed log."""
    insert(cursor, "record_log_entry", [log_entry_values(each) for each in leaves])


def insert(cursor: MySQLCursorAbstract, name: str, values: Sequence[dict[str, Any]]) -> None:
    """Run the statement ``name``, of which the driver makes one INSERT of many rows."""
    # It searches the text for the row, which an odd number of quotes would mislead.
    for start in range(0, len(values), _ROWS_A_STATEMENT):
        cursor.executemany(statement(name), values[start : start + _ROWS_A_STATEMENT])
