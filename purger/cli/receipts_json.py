"""Builds the report that `purger receipts --json` prints. Its fields are the keys of the JSON. Times are UTC."""

from dataclasses import dataclass
from datetime import datetime

from purger.receipts.judge import Judgement, ProbeResults, WithoutPurge, exit_code, judge_ban, why_without_purge
from purger.receipts.model import Ban, Erasure, LogEntry, Ownership, Purge, Report
from takedown_base.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class BanReport:
    """A ban (see ``Ban``) with its state at each edge."""

    id: int
    scope: Scope
    subject: str
    reason: str
    banned_by: str
    banned_at: datetime | None
    lifted_at: datetime | None
    stands: bool
    left: Ownership | None
    events: tuple[LogEntry, ...]
    purges: tuple[Purge, ...]
    erasure: Erasure | None
    hides: bool
    begun: datetime
    ended: datetime | None
    account: str | None  # the database account that banned; banned_by is moderation's word
    ended_by: str | None  # the database account that lifted or deleted
    without_purge: WithoutPurge | None
    edges: list[Judgement]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptsReport:
    """The whole report."""

    code: str | None
    owner: str | None
    digest: str | None
    owners: tuple[Ownership, ...]
    exit_code: int
    bans: list[BanReport]
    resends: tuple[Purge, ...]
    record_of_accounts_begins: datetime | None


def receipts_report(report: Report, probed: ProbeResults) -> ReceiptsReport:
    """Build the report on ``report``, judged with the results of probes on demand."""
    return ReceiptsReport(
        code=report.code,
        owner=report.owner,
        digest=report.digest,
        owners=report.ownerships,
        exit_code=exit_code(report, probed),
        bans=[_ban(report, ban, probed) for ban in report.bans],
        resends=report.resends,
        record_of_accounts_begins=report.span.log_begins,
    )


def _ban(report: Report, ban: Ban, probed: ProbeResults) -> BanReport:
    return BanReport(
        id=ban.id,
        scope=ban.scope,
        subject=ban.subject,
        reason=ban.reason,
        banned_by=ban.banned_by,
        banned_at=ban.banned_at,
        lifted_at=ban.lifted_at,
        stands=ban.stands,
        left=ban.left,
        events=ban.events,
        purges=ban.purges,
        erasure=ban.erasure,
        hides=ban.hides,
        begun=ban.begun,
        ended=ban.ended,
        account=ban.logged.account if ban.logged else None,
        ended_by=ban.ending.account if ban.ending else None,
        without_purge=why_without_purge(report, ban),
        edges=judge_ban(report, ban, probed),
    )
