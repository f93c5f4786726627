"""Writes what the edges acknowledged: one connection and one transaction for all of them."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from mysql.connector.abstracts import MySQLCursorAbstract

from purger.model import ProbeResult, Receipt, SavedProgress
from purger.pending_writes import PendingWrites
from purger.problem_log import ProblemLog
from takedown_db.connection import Connection, fetch, last_batch
from takedown_db.errors import DatabaseUnavailableError
from takedown_db.statements import statement

log = logging.getLogger(__name__)

#: Seconds between writes of what is only of interest to a reader of the table `edges`.
_LIVENESS_INTERVAL = 2.0

_RETRY = 0.5
_ROWS_A_STATEMENT = 1000


class _WentBackError(Exception):
    """The database went back while pending were being written."""


class Recorder(threading.Thread):
    """Keeps what workers tell it until the database has it, however long that takes.

    A purger that dies before has told an edge something twice, never something less.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        delay: float,
        stop: threading.Event,
        usable: Callable[[], bool],
        setbacks: Callable[[], int] = lambda: 0,
    ) -> None:
        """``delay`` seconds are waited after the first note, so that many edges share one transaction.

        ``stop`` ends the thread after a last write; it is to be set when the workers are done. ``usable`` tells whether
        the database is known to be away, and a failure to write is no news. ``setbacks`` counts how often it was found
        to have gone back, and must do so before its batch numbers are given again.
        """
        super().__init__(name="recorder")
        self._connection = connection
        self._delay = delay
        self._halt = stop
        self._usable = usable
        self._setbacks = setbacks
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._pending = PendingWrites()
        self._problem = ProblemLog(log, "the record of acknowledgements", patience=2)

    def acknowledged(
        self,
        edge: str,
        saved: SavedProgress,
        *,
        flushed: bool = False,
        receipts: Iterable[Receipt] = (),
        probe_results: Iterable[ProbeResult] = (),
        setbacks: int = 0,
    ) -> None:
        """Note an edge's progress, with the receipts and sightings that led to it.

        Dropped when the database has gone back more often than the ``setbacks`` that the edge was flushed for.
        """
        with self._lock:
            if not self._pending.reach(setbacks):
                self._pending.put_flush(edge, saved.flush_done)
                return
            self._pending.put_progress(
                {
                    "name": edge,
                    "instance": saved.instance,
                    "acknowledged": saved.acknowledged,
                    "rebounded": saved.rebounded,
                    "rebounded_later": saved.rebounded_later,
                    "rebounded_last": saved.rebounded_last,
                    "flushed_at": None if saved.flushed_at is None else _time(saved.flushed_at),
                    "triggers": saved.triggers,
                    "flushed": flushed,
                    "flush_done": saved.flush_done,
                }
            )
            self._pending.receipts += receipts
            self._pending.probe_results += probe_results
        self._wake.set()

    def seen(self, probe_result: ProbeResult, *, setbacks: int = 0) -> None:
        """Note a look at an edge's public listener; dropped as in ``acknowledged``."""
        with self._lock:
            if self._pending.reach(setbacks):
                self._pending.probe_results.append(probe_result)
        self._wake.set()

    def alive(self, edge: str, *, seen_at: float | None, epoch: str | None, problem: str | None) -> None:
        """Note when an edge last answered (seconds since 1970), its last epoch, and what is wrong with it."""
        with self._lock:
            before = self._pending.liveness.get(edge, {})
            self._pending.liveness[edge] = {
                "name": edge,
                "seen_at": _time(seen_at) if seen_at is not None else before.get("seen_at"),
                "epoch": _time(float(epoch)) if epoch is not None else before.get("epoch"),
                "problem": problem and problem[:255],
            }

    def run(self) -> None:
        """Write until stopped, then once more."""
        waiting = PendingWrites()
        liveness_due = 0.0
        while not self._halt.is_set():
            self._wake.wait(max(0.0, liveness_due - time.monotonic()))
            self._halt.wait(self._delay)
            self._wake.clear()
            waiting.merge(self._take())
            if self._write(waiting):
                waiting = PendingWrites(waiting.setbacks)
                liveness_due = time.monotonic() + _LIVENESS_INTERVAL
            else:
                self._halt.wait(_RETRY)
        waiting.merge(self._take())
        self._write(waiting)
        self._connection.close()

    def wake(self) -> None:
        """Let the thread notice at once that it was stopped."""
        self._wake.set()

    def _take(self) -> PendingWrites:
        with self._lock:
            pending, self._pending = self._pending, PendingWrites(self._pending.setbacks)
        return pending

    def _write(self, pending: PendingWrites) -> bool:
        pending.reach(self._setbacks())
        if not pending:
            return True
        try:
            with self._connection.transaction() as cursor:
                _write_batches(cursor, pending)
                _insert(cursor, "record_flush_done", list(pending.flushes.values()))
                _insert(cursor, "record_liveness", list(pending.liveness.values()))
                # Numbers are given again only after a setback was counted: what was read above was not of these.
                if self._setbacks() != pending.setbacks:
                    raise _WentBackError
        except _WentBackError:
            return False
        except DatabaseUnavailableError as error:
            if self._usable():
                self._problem.begin("stuck", str(error))
            return False
        except Exception:
            if self._problem.begin("not understood", "this is a bug; after a restart edges are told everything again"):
                log.exception("while recording")
            return False
        self._problem.end()
        return True


def _write_batches(cursor: MySQLCursorAbstract, pending: PendingWrites) -> None:
    """Write what tells of batches and rows that the database has: one that took over may lack the last of them."""
    if not (pending.progress or pending.receipts or pending.probe_results):
        return
    last = last_batch(cursor)
    _insert(cursor, "record_receipt", [_receipt(receipt) for receipt in pending.receipts if receipt.last <= last])
    _insert(
        cursor,
        "record_probe_result",
        [probe_result_values(probe_result) for probe_result in _of_known_rows(cursor, pending.probe_results)],
    )
    _insert(cursor, "record_progress", [_cut(values, last) for values in pending.progress.values()])


def _of_known_rows(cursor: MySQLCursorAbstract, probe_results: list[ProbeResult]) -> list[ProbeResult]:
    """Choose the sightings of rows that the outbox has, with the same subject."""
    known = set[tuple[int, str, str]]()
    ids = sorted({probe_result.invalidation for probe_result in probe_results})
    for start in range(0, len(ids), _ROWS_A_STATEMENT):
        part = json.dumps(ids[start : start + _ROWS_A_STATEMENT])
        known.update((row[0], row[1], row[2]) for row in fetch(cursor, "known_rows", ids=part))
    return [each for each in probe_results if (each.invalidation, each.scope, each.subject) in known]


def _cut(progress: dict[str, Any], last: int) -> dict[str, Any]:
    numbers = ("acknowledged", "rebounded", "rebounded_later", "rebounded_last")
    return progress | {name: min(progress[name], last) for name in numbers}


def _insert(cursor: MySQLCursorAbstract, name: str, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), _ROWS_A_STATEMENT):
        cursor.executemany(statement(name), rows[start : start + _ROWS_A_STATEMENT])


def _receipt(receipt: Receipt) -> dict[str, Any]:
    return {
        "edge": receipt.edge,
        "last": receipt.last,
        "first": receipt.first,
        "method": receipt.method,
        "instance": receipt.instance,
        "at": _time(receipt.at),
    }


def probe_result_values(probe_result: ProbeResult) -> dict[str, Any]:
    """Turn a sighting into the parameters of the statement ``probe_result``."""
    return {
        "edge": probe_result.edge,
        "invalidation": probe_result.invalidation,
        "code": probe_result.code,
        "removed": probe_result.removed,
        "at": _time(probe_result.at) if probe_result.at is not None else None,
        "status": probe_result.status,
        "gone": probe_result.gone,
        "note": probe_result.note and probe_result.note[:255],
        "looked": probe_result.looked,
        "images": probe_result.images,
    }


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
