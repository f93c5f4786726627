"""Writes receipts, progress and probe results as rows, with entries for the signed log, in the recorder's transaction.

The functions make the parameters of the statements: times in UTC, texts cut to their columns, and many rows in one
statement, since one statement for each edge would be half of a purger's work.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from mysql.connector.abstracts import MySQLCursorAbstract

from purger.model import LONGEST_NOTE, ProbeResult, Receipt
from purger.records.unwritten_results import Liveness, ProgressWrite
from purger.signed_log.entries import Leaf, leaves_of_probes, leaves_of_receipts
from takedown_db.connection.lasting_connection import fetch
from takedown_db.statements import statement

#: Rows written or read by one statement.
_ROWS_A_STATEMENT = 1000

_T = TypeVar("_T")


def record_receipts(cursor: MySQLCursorAbstract, receipts: Sequence[Receipt]) -> None:
    """Write receipts, and their leaves if the log has begun."""
    _write(cursor, "record_receipts", [_receipt_values(each) for each in receipts])
    _record_leaves(cursor, receipts, leaves_of_receipts)


def record_probes(cursor: MySQLCursorAbstract, probe_results: Sequence[ProbeResult]) -> None:
    """Write results, with their leaves if the log has begun, and the remarks of probes that proved nothing."""
    results = [each for each in probe_results if each.at is not None]
    remarks = [each for each in probe_results if each.at is None and (each.removed is not None or each.note)]
    logged = [*results, *_new_doubts(cursor, remarks)]
    _insert(cursor, "record_probe_result", [_probe_result_values(each) for each in results])
    _write(cursor, "record_probe_remarks", [_remark_values(each) for each in remarks])
    _record_leaves(cursor, logged, leaves_of_probes)


def _new_doubts(cursor: MySQLCursorAbstract, remarks: Iterable[ProbeResult]) -> list[ProbeResult]:
    """Choose the first probe of each reason why nothing is proven: the same probe is made again and again."""
    tried = {(each.edge, each.invalidation, each.code): each for each in remarks if each.tried_at is not None}
    known = set[tuple[str, int, str, str]]()
    for part in _parts(list(tried)):
        known.update(fetch(cursor, "known_remarks", rows=json.dumps(part)))
    return [each for key, each in tried.items() if (*key, _cut(each.note)) not in known]


def of_known_rows(cursor: MySQLCursorAbstract, probe_results: Sequence[ProbeResult]) -> list[ProbeResult]:
    """Choose the probe results of rows that the outbox still has, with the same subject."""
    known = set[tuple[int, str, str]]()
    for ids in _parts(sorted({each.invalidation for each in probe_results})):
        known.update((row, scope, subject) for row, scope, subject in fetch(cursor, "known_rows", ids=json.dumps(ids)))
    return [each for each in probe_results if (each.invalidation, each.scope, each.subject) in known]


def record_progress(cursor: MySQLCursorAbstract, progress: Iterable[ProgressWrite], last: int) -> None:
    """Write the progress of edges, cut to ``last``, the last batch of the database."""
    _update(cursor, "record_progress", [_progress_values(each, last) for each in progress])


def record_flushes(cursor: MySQLCursorAbstract, flushes: Mapping[str, int]) -> None:
    """Write the number of the last request for a flush that each edge was flushed for."""
    _update(cursor, "record_flushes_done", [{"name": edge, "flush_done": done} for edge, done in flushes.items()])


def record_liveness(cursor: MySQLCursorAbstract, liveness: Iterable[Liveness]) -> None:
    """Write when edges answered last, and their problems."""
    _update(cursor, "record_liveness", [_liveness_values(each) for each in liveness])


def _record_leaves(
    cursor: MySQLCursorAbstract, records: Sequence[_T], leaves_of: Callable[[Sequence[_T]], Iterable[Leaf]]
) -> None:
    """Write the leaves of records, which wait for their place in the log. A site without a key for it has none."""
    if records and fetch(cursor, "log_begun") == [(1,)]:
        made = [{"content": leaf.content.encode(), "openings": leaf.kept()} for leaf in leaves_of(records)]
        _insert(cursor, "record_log_entry", made)


def _insert(cursor: MySQLCursorAbstract, name: str, values: Sequence[dict[str, Any]]) -> None:
    """Run the statement ``name``, of which the driver makes one INSERT of many rows."""
    # It searches the text for the row, which an odd number of quotes would mislead.
    for part in _parts(values):
        cursor.executemany(statement(name), part)


def _update(cursor: MySQLCursorAbstract, name: str, rows: list[dict[str, Any]]) -> None:
    """Run the statement ``name``, which changes many edges."""
    # Sorted, so that two purgers lock the edges in the same order: one waits for the other, and none is rolled back.
    _write(cursor, name, sorted(rows, key=lambda row: str(row["name"])))


def _write(cursor: MySQLCursorAbstract, name: str, rows: Sequence[Any]) -> None:
    """Run the statement ``name``, which takes many rows as JSON."""
    for part in _parts(rows):
        cursor.execute(statement(name), {"rows": json.dumps(part, default=str)})


def _parts(rows: Sequence[_T]) -> Iterator[Sequence[_T]]:
    return (rows[start : start + _ROWS_A_STATEMENT] for start in range(0, len(rows), _ROWS_A_STATEMENT))


def _receipt_values(receipt: Receipt) -> tuple[Any, ...]:
    return receipt.edge, receipt.last, receipt.first, receipt.method, receipt.instance, _utc(receipt.at)


def _remark_values(remark: ProbeResult) -> tuple[Any, ...]:
    return remark.edge, remark.invalidation, remark.code, remark.removed, remark.status, _cut(remark.note)


def _probe_result_values(probe_result: ProbeResult) -> dict[str, Any]:
    return {
        "edge": probe_result.edge,
        "invalidation": probe_result.invalidation,
        "code": probe_result.code,
        "at": _utc(probe_result.at),
        "status": probe_result.status,
        "gone": probe_result.gone,
        "note": _cut(probe_result.note),
        "looked": probe_result.probed,
        "images": probe_result.images,
    }


def _progress_values(progress: ProgressWrite, last: int) -> dict[str, Any]:
    saved = progress.saved
    return {
        "name": progress.edge,
        "instance": saved.instance,
        "acknowledged": min(saved.acknowledged, last),
        "rebounded": min(saved.rebounded, last),
        "rebounded_later": min(saved.rebounded_later, last),
        "rebounded_last": min(saved.rebounded_last, last),
        "flushed_at": _utc(saved.flushed_at),
        "triggers": saved.triggers,
        "flushed": int(progress.flushed),
        "flush_done": saved.flush_done,
    }


def _liveness_values(liveness: Liveness) -> dict[str, Any]:
    return {
        "name": liveness.edge,
        "seen_at": _utc(liveness.seen_at),
        "epoch": _utc(liveness.epoch),
        "lease": liveness.lease,
        "problem": _cut(liveness.problem),
    }


def _cut(text: str | None) -> str | None:
    return None if text is None else text[:LONGEST_NOTE]


def _utc(seconds: float | None) -> datetime | None:
    """Turn seconds since 1970 into the value of a DATETIME column, which is in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
