"""Compares bans with the last act of moderation on each, which the log has."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from purger.signed_log.audit.audited_rows import compare_columns
from purger.signed_log.audit.report import Count, Report
from purger.signed_log.entries import time_text


class BanRow(NamedTuple):
    """A row of the statement ``audit_bans``: a ban, the latest act on it, and the latest that banned or lifted it."""

    id: int
    scope: str
    subject: str
    reason: str
    banned_by: str
    banned_at: datetime | None
    lifted_at: datetime | None
    act: int | None
    act_banned_at: datetime | None  # of the ban after the act; None: the act is of before it told that
    act_lifted_at: datetime | None
    act_scope: str | None
    act_subject: str | None
    act_reason: str | None
    act_banned_by: str | None
    act_action: str | None
    state_action: str | None
    state_lifted: int
    moved: int  # the ban had another subject before
    early: int | None  # its date is before the log of moderation


def compare_bans(rows: Iterable[BanRow], report: Report) -> None:
    """Compare bans with the acts on them. A ban of before the log of moderation has none."""
    for row in rows:
        if row.act is None:
            if row.early:
                report.count(Count.BEFORE)
            else:
                report.no_leaf("bans", row.id)
            continue
        _compare_words(row, report)
        if row.act_action == "unban":
            report.differs("bans", row.id, None, "(it was deleted)", "(has one)")
        if row.act_banned_at is None:
            _compare_state(row, report)
        else:
            _compare_times(row, report)


def _compare_words(row: BanRow, report: Report) -> None:
    made = {"scope": row.scope, "subject": row.subject, "reason": row.reason, "banned_by": row.banned_by}
    told = {
        "scope": row.act_scope,
        "subject": row.act_subject,
        "reason": row.act_reason,
        "banned_by": row.act_banned_by,
    }
    compare_columns("bans", row.id, made, told, report)


def _compare_times(row: BanRow, report: Report) -> None:
    made = {"banned_at": time_text(row.banned_at), "lifted_at": time_text(row.lifted_at)}
    told = {"banned_at": time_text(row.act_banned_at), "lifted_at": time_text(row.act_lifted_at)}
    compare_columns("bans", row.id, made, told, report)


def _compare_state(row: BanRow, report: Report) -> None:
    """Compare whether a ban stands with acts that do not tell its times."""
    standing, lifted = row.state_action == "ban" and not row.state_lifted, row.lifted_at is not None
    # A ban that gets another subject while it is lifted has an act that does not tell it from a ban that stands.
    if standing == lifted and not (standing and row.moved):
        words = {True: "(the ban stands)", False: "(the ban is lifted)"}
        report.differs("bans", row.id, "lifted_at", words[standing], words[not lifted])
