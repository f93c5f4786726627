"""Prunes at intervals: deletes rows past their retention. Also audits a small sample of banned images."""

import logging
import threading
import time
from collections.abc import Callable, Iterator

from purger.loop_thread import LoopThread
from purger.probing.audit import AuditResult, run_audit
from purger.probing.probe import Probe
from purger.problem_log import ProblemLog
from purger.records.tally import Tally
from purger.settings import Settings
from takedown_db.connection.lasting_connection import Connection

log = logging.getLogger(__name__)

#: Seconds between two chunks of a pruning, so that bans come first.
_REST = 0.1

#: Seconds of rest for each second of processor time of an audit: with 1,000 edges it takes many.
_SHARE = 10.0


def prune(connection: Connection, days: int, receipt_days: int) -> Iterator[int]:
    """Remove rows past their retention from outbox, batches, receipts and probe results, by the database's clock.

    ``days`` holds for all but bans and lifts, ``receipt_days`` for these and their receipts. Works in small chunks,
    each a call that runs wholly in the server, and yields the rows of each. Raises ``DatabaseUnavailableError``.
    """
    return _chunks(connection, "prune_outbox", days=days, receipt_days=receipt_days)


def prune_log(connection: Connection) -> Iterator[int]:
    """Remove the contents of leaves of the signed log whose rows ``prune`` has removed; their hashes stay.

    Works in small chunks, and yields the leaves of each. Raises ``DatabaseUnavailableError``.
    """
    return _chunks(connection, "prune_leaves")


def _chunks(connection: Connection, statement: str, **days: int) -> Iterator[int]:
    more = True
    while more:
        ((size, more),) = connection.rows(statement, **days)
        yield size


class Maintenance(LoopThread):
    """Prunes and audits at intervals, and logs the findings of audits."""

    def __init__(
        self,
        connection: Connection,
        probe: Probe,
        settings: Settings,
        stop: threading.Event,
        *,
        leads: Callable[[], bool] = lambda: True,
        tally: Tally | None = None,
    ) -> None:
        """Prune and audit until ``stop`` is set, each time only if ``leads`` returns True.

        It does in one of several purgers. ``tally`` counts findings.
        """
        problem = ProblemLog(log, "maintenance")
        super().__init__("maintenance", stop, problem, bug_effect="rows are not pruned, or not audited", daemon=True)
        self._connection = connection
        self._probe = probe
        self._settings = settings
        self._leads = leads
        self._tally = tally or Tally()
        # The first audit follows the first pruning.
        self._prune_due = self._audit_due = time.monotonic() + settings.prune_interval
        self._used = 0.0  # processor time of this thread, in seconds
        self._unreachable: frozenset[str] = frozenset()
        self._doubted: frozenset[str] = frozenset()  # edges that proved nothing at the last audit

    def work(self) -> float:
        """Prune and audit where due; return the seconds until the next of both."""
        if self._prune_due <= time.monotonic():
            self._prune_due = time.monotonic() + self._settings.prune_interval
            if self._leads():
                self._prune()
        if self._audit_due <= time.monotonic():
            self._audit_due = time.monotonic() + self._settings.audit_interval
            if self._leads():
                self._audit()
        return max(0.0, min(self._prune_due, self._audit_due) - time.monotonic())

    def finish(self) -> None:
        """Close all connections."""
        self._probe.close()
        self._connection.close()

    def _prune(self) -> None:
        days, receipt_days = self._settings.retention_days, self._settings.receipt_retention_days
        if rows := self._carry_out(prune(self._connection, days, receipt_days)):
            log.info("pruned %d changes older than %d days (bans and lifts: %d)", rows, days, receipt_days)
        if leaves := self._carry_out(prune_log(self._connection)):
            log.info("pruned the contents of %d leaves of the signed log", leaves)

    def _carry_out(self, chunks: Iterator[int]) -> int:
        """Prune chunk after chunk, until all are done or this thread is stopped; return their number of rows."""
        rows = 0
        for size in chunks:
            rows += size
            if size and self._halt.wait(_REST):
                break
        return rows

    def _audit(self) -> None:
        self._used = time.thread_time()
        found = run_audit(
            self._connection,
            self._probe,
            sample=self._settings.audit_sample,
            rest=self._rest,
            stopped=self._halt.is_set,
        )
        self._tally.judged(probes=found.probes, unproven=found.not_proven, served=len(found.served))
        for served in found.served:
            text = "audit: edge %s shows banned image %s (%s); purged again"
            log.error(text, served.edge, served.code, ", ".join(served.renditions))
        self._report_doubts(found)
        unreachable = frozenset(found.unreachable)
        for name in sorted(unreachable - self._unreachable):
            log.error("audit: edge %s gives no answer at its public listener: %s", name, found.unreachable[name])
        self._unreachable = unreachable

    def _rest(self) -> None:
        """Rest in proportion to the processor time since the last call: deliveries share the interpreter."""
        self._halt.wait(_SHARE * (time.thread_time() - self._used))
        self._used = time.thread_time()

    def _report_doubts(self, found: AuditResult) -> None:
        """Log each code that is purged again, and once each edge that proves nothing in another way."""
        doubted = {one.edge: one for one in reversed(found.unproven) if not one.purged_again}
        for one in found.unproven:
            if one.purged_again:
                text = "audit: edge %s is not proven to hide banned image %s (%s); purged again"
                log.error(text, one.edge, one.code, one.said)
        for name in sorted(doubted.keys() - self._doubted):
            one = doubted[name]
            log.error("audit: edge %s is not proven to hide banned image %s (%s)", name, one.code, one.said)
        self._doubted = frozenset(doubted)
