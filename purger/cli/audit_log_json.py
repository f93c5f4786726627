"""Builds the report that `purger audit --log --json` prints. Its fields are the keys of the JSON."""

from dataclasses import dataclass

from purger.signed_log.audit.report import Count, Finding, Report


@dataclass(frozen=True, slots=True, kw_only=True)
class LogAuditReport:
    """The whole report (see ``Report``)."""

    leaves: int
    checkpoints: int
    signed_leaves: int
    compared: int
    rows_pruned: int
    rows_pruned_until: str | None
    leaves_pruned: int
    leaves_erased: int
    rows_before: int
    rows_waiting: int
    altered: int
    findings: list[Finding]
    not_checked: list[str]


def log_audit_report(report: Report) -> LogAuditReport:
    """Build the report on the result of an audit of the log."""
    counts = report.counts
    return LogAuditReport(
        leaves=report.leaves,
        checkpoints=report.checkpoints,
        signed_leaves=report.signed,
        compared=counts[Count.COMPARED],
        rows_pruned=counts[Count.ROWS_PRUNED],
        rows_pruned_until=report.last_pruned,
        leaves_pruned=counts[Count.LEAVES_PRUNED],
        leaves_erased=counts[Count.LEAVES_ERASED],
        rows_before=counts[Count.BEFORE],
        rows_waiting=counts[Count.WAITING],
        altered=report.altered,
        findings=report.findings,
        not_checked=report.unchecked,
    )
