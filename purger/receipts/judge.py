"""Decides for each ban and edge whether the image is proven gone, and if not, why. Pure functions.

A ban is proven at an edge if the edge has acknowledged its purge and a probe then got the special image. The evidence
is a list of receipts in the order of their purges: the ban's own, those of later purges of the same code while the ban
was in force, and the result of a probe on demand. Some rules for evidence that contradicts itself:

- A probe that got the image outweighs all earlier ones. The image counts as gone again only by a later probe.
- An answer that proves nothing, such as one without the mark, puts an earlier proof in doubt. No answer does not.
- Two edges whose purge URLs lead to one varnishd prove nothing: the edge that one of them should be has not heard.
- An edge that was added after the ban began with an empty cache, so it owes no proof.
- A ban without a purge in the outbox (the trigger was missing, or its row is past its retention) is proven by a flush.
- A ban of an owner or digest is proven if all its images were probed and gone; else it is gone in part.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise, takewhile

from purger.exit_codes import ExitCode
from purger.model import ProbeNote, ProbeResult
from purger.receipts.model import BanRecord, EdgeReceipt, KnownEdge, Purge, ReceiptsReport
from takedown_base.scope import Scope

#: The results of probes on demand, by id of the ban and name of the edge.
ProbeResults = Mapping[tuple[int, str], ProbeResult]


class ReceiptOutcome(StrEnum):
    """The state of a ban at an edge."""

    GONE = "gone"  # acknowledged, and a probe proved the image gone
    NO_IMAGES = "nothing to see"  # acknowledged, and the ban covers no image that a probe could request
    ADDED_LATER = "added later"  # the edge was added after the ban, and began with an empty cache
    GONE_IN_PART = "gone in part"  # acknowledged, some of the images that it covers proven gone, and none shown
    NOT_PROVEN = "not proven"  # acknowledged, and no probe proved anything
    NOT_ACKNOWLEDGED = "not acknowledged"
    STILL_SHOWN = "still there"  # a probe got the image


class WithoutPurge(StrEnum):
    """The reason why a ban has no purge in the outbox."""

    UNWRITTEN = "no purge was written for it: a trigger was missing"
    OLD = "its purge and receipts are past their retention"
    UNKNOWN = "there is no purge of it in the outbox: a trigger was missing, or the row was deleted"


#: By how much the end of a span may seem to be before its beginning: an answer takes some time.
CLOCKS_AGREE = timedelta(seconds=1)

#: The outcomes that need attention at an edge that counts.
NEEDS_ATTENTION = (ReceiptOutcome.GONE_IN_PART, ReceiptOutcome.NOT_PROVEN, ReceiptOutcome.NOT_ACKNOWLEDGED)


#: The outcomes that need an acknowledgement of the edge, and have no fault.
_ACKNOWLEDGED = (ReceiptOutcome.GONE, ReceiptOutcome.GONE_IN_PART, ReceiptOutcome.NO_IMAGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The state of a ban at one edge. The fields are keys of `purger receipts --json`."""

    edge: str
    outcome: ReceiptOutcome
    reason: str = ""  # why the image is not proven gone, or a remark on how it was
    counts: bool = True  # False: the edge is no longer there or no longer trusts its cache, or the ban hides nothing
    first_gone_at: datetime | None = None  # UTC: the first of the probes that saw it gone, with none since that got it
    trust_ends_by: datetime | None = None  # UTC, of an edge that has not acknowledged: see ``KnownEdge``
    receipt: EdgeReceipt


def exit_code(report: ReceiptsReport, probed: ProbeResults) -> ExitCode:
    """Return the exit code for all bans that hide something: the worst outcome decides."""
    hiding = [ban for ban in report.bans if ban.hides]
    outcomes = {each.outcome for ban in hiding for each in judge_ban(report, ban, probed) if each.counts}
    if ReceiptOutcome.STILL_SHOWN in outcomes:
        return ExitCode.SERVED
    if outcomes.intersection(NEEDS_ATTENTION) or (hiding and not report.enabled):
        return ExitCode.ATTENTION
    return ExitCode.DONE


def clocks_contradict(report: ReceiptsReport) -> bool:
    """Tell whether the times of a report are in another order than what happened: a clock was wrong then."""
    purges = [*report.resends, *(purge for ban in report.bans for purge in ban.purges)]
    spans = [
        (purge.written_at, at)
        for purge in purges
        for each in purge.edges
        for at in (each.acknowledged_at, each.seen_at)
        if at is not None
    ]
    spans += [(first.at, then.at) for ban in report.bans for first, then in pairwise(ban.events)]
    return any(then < first - CLOCKS_AGREE for first, then in spans)


def why_without_purge(report: ReceiptsReport, ban: BanRecord) -> WithoutPurge | None:
    """Return the reason why ``ban`` has no purge in the outbox; None if it has one."""
    if ban.purge is not None:
        return None
    last, until = ban.last_banned, report.pruned_until
    if last and last.purge is None:
        return WithoutPurge.UNWRITTEN
    if until and (last.at if last else ban.begun) < until:
        return WithoutPurge.OLD
    return WithoutPurge.UNKNOWN


def judge_ban(report: ReceiptsReport, ban: BanRecord, probed: ProbeResults) -> list[Judgement]:
    """Judge a ban at each edge that has a receipt of its purge. Without a purge: at each enabled edge.

    An edge that was disabled shows what it holds until its trust ends, so that it counts until then.
    """
    purge = ban.purge
    known = {edge.name: edge for edge in report.edges}
    receipts = list(purge.edges) if purge else [_without_purge(report, ban, edge) for edge in report.enabled]
    named = {receipt.edge for receipt in receipts}
    if ban.hides:
        receipts += [EdgeReceipt(edge.name) for edge in report.edges if edge.lingers and edge.name not in named]
    return [
        _judge(report, ban, receipt, known.get(receipt.edge), probed.get((ban.id, receipt.edge)))
        for receipt in receipts
    ]


def _without_purge(report: ReceiptsReport, ban: BanRecord, edge: KnownEdge) -> EdgeReceipt:
    """Make a receipt for a ban that has no purge: a flush has removed the image from the edge's cache."""
    at = report.flushes.get((ban.id, edge.name))
    triggers = report.triggers
    # A restored trigger flushes every edge, even if no batch remains to hold a receipt.
    restored = triggers and triggers.restored_after(_written_at(ban)) and edge.triggers == triggers.fingerprint
    # A purge past its retention was delivered: an edge that is further behind than the outbox is flushed.
    old = why_without_purge(report, ban) is WithoutPurge.OLD and edge.triggers is not None
    return EdgeReceipt(edge=edge.name, acknowledged_at=at, method="flush" if at or restored else "" if old else None)


def _judge(
    report: ReceiptsReport,
    ban: BanRecord,
    receipt: EdgeReceipt,
    edge: KnownEdge | None,
    probe_result: ProbeResult | None,
) -> Judgement:
    evidence = [receipt, *_later_receipts(report, ban, receipt.edge)]
    if probe_result:
        evidence.append(_receipt_of(probe_result))
    several = report.code is None and ban.scope != Scope.IMAGE
    outcome, reason = _outcome(evidence, later=added_later(_written_at(ban), receipt, edge), several=several)
    if outcome in _ACKNOWLEDGED and receipt.edge in report.one_varnishd:
        outcome, reason = ReceiptOutcome.NOT_PROVEN, "one varnishd has two names: this edge may not have heard of it"
    elif outcome is ReceiptOutcome.NOT_ACKNOWLEDGED and ban.purge and ban.purge.batch is None:
        reason = "not yet numbered"
    elif outcome is ReceiptOutcome.NOT_ACKNOWLEDGED and edge and edge.lingers:
        reason = "disabled"
    elif outcome in (ReceiptOutcome.GONE, ReceiptOutcome.GONE_IN_PART) and probe_result and probe_result.gone is None:
        reason = f"now {probe_result.note}"
    return Judgement(
        edge=receipt.edge,
        outcome=outcome,
        reason=reason,
        counts=ban.hides and edge is not None and (edge.enabled or _may_show(edge, outcome)),
        first_gone_at=_first_gone(evidence),
        trust_ends_by=edge.trust_ends_by if edge and outcome is ReceiptOutcome.NOT_ACKNOWLEDGED else None,
        receipt=_latest(evidence, receipt),
    )


def _may_show(edge: KnownEdge, outcome: ReceiptOutcome) -> bool:
    return edge.lingers and outcome in (ReceiptOutcome.NOT_ACKNOWLEDGED, ReceiptOutcome.STILL_SHOWN)


def _later_receipts(report: ReceiptsReport, ban: BanRecord, edge: str) -> list[EdgeReceipt]:
    """Collect the receipts of an edge for later purges of the same code, written while ``ban`` was in force."""
    if report.code is None:
        return []
    begun, ended = ban.purge.id if ban.purge else None, ban.ended
    later: list[Purge] = [
        purge
        for purge in report.resends
        if (purge.id > begun if begun is not None else purge.written_at > ban.begun)
        and (ended is None or purge.written_at < ended)
    ]
    return [each for purge in later for each in purge.edges if each.edge == edge]


def _written_at(ban: BanRecord) -> datetime:
    return ban.purge.written_at if ban.purge else ban.last_banned.at if ban.last_banned else ban.begun


def added_later(written: datetime, receipt: EdgeReceipt, edge: KnownEdge | None) -> bool:
    """Tell whether an edge was added after a purge was written. ``edge`` is None for one that was removed.

    Such an edge has only acknowledged the flush with which every new edge begins.
    """
    if edge is None or edge.added_at <= written:
        return False
    if receipt.method == "flush":
        return receipt.acknowledged_at is None or receipt.acknowledged_at >= edge.added_at
    return not receipt.method


def _outcome(evidence: Sequence[EdgeReceipt], *, later: bool, several: bool) -> tuple[ReceiptOutcome, str]:
    """Judge evidence, in the order of its purges. ``several``: it is about all images of an owner or digest."""
    last = _latest(evidence, evidence[0])
    note = last.note or ""
    if last.gone is False:
        return ReceiptOutcome.STILL_SHOWN, note
    if later:
        return ReceiptOutcome.ADDED_LATER, ""
    if all(each.method is None for each in evidence):
        return ReceiptOutcome.NOT_ACKNOWLEDGED, f"now gone ({last.status})" if last.gone else note
    if last.gone:
        if doubt := _later_doubt(evidence):
            return ReceiptOutcome.NOT_PROVEN, f"now {doubt}"
        return _whole_outcome(last) if several else (ReceiptOutcome.GONE, note)
    return (
        ReceiptOutcome.NO_IMAGES if note == ProbeNote.NO_IMAGES else ReceiptOutcome.NOT_PROVEN
    ), note or "not probed"


def _whole_outcome(receipt: EdgeReceipt) -> tuple[ReceiptOutcome, str]:
    """Judge how many of the images of an owner or digest were proven gone: all of them, or a part."""
    if receipt.probed is None or receipt.images is None:
        return ReceiptOutcome.GONE_IN_PART, "the number of probed images is not on record"
    return (
        ReceiptOutcome.GONE if receipt.probed >= receipt.images else ReceiptOutcome.GONE_IN_PART
    ), receipt.note or ""


def _later_doubt(evidence: Sequence[EdgeReceipt]) -> str | None:
    """Return the note of an answer that proved nothing and came after the last proof. No answer is no doubt."""
    later = takewhile(lambda each: each.seen_at is None, reversed(evidence))
    return next((each.note for each in later if each.note and each.status is not None), None)


def _latest(evidence: Sequence[EdgeReceipt], receipt: EdgeReceipt) -> EdgeReceipt:
    """Copy the latest proof into ``receipt``, or the latest reason why there is none."""
    proofs = [each for each in evidence if each.seen_at is not None]
    if not proofs:
        return replace(receipt, note=next((each.note for each in reversed(evidence) if each.note), None))
    last = max(proofs, key=lambda each: each.seen_at or datetime.min)
    if last.gone:
        last = max(_gone_since_shown(proofs), key=lambda each: (each.probed or 0, each.seen_at or datetime.min))
    note = last.note or (_shown_before(proofs) if last.gone else None)
    return replace(
        receipt,
        seen_at=last.seen_at,
        status=last.status,
        gone=last.gone,
        note=note,
        probed=last.probed,
        images=last.images,
        flushed_at=max((each.flushed_at for each in proofs if each.flushed_at), default=None),
    )


def _first_gone(evidence: Sequence[EdgeReceipt]) -> datetime | None:
    """Return when a probe first saw the image gone after the last one that got it; None if none did."""
    return min((each.seen_at for each in _gone_since_shown(evidence) if each.seen_at), default=None)


def _shown_before(proofs: Sequence[EdgeReceipt]) -> str | None:
    """Return the remark that the image was shown before it was gone; a later proof may lack it."""
    for each in proofs:
        if each.gone is False:
            return f"{ReceiptOutcome.STILL_SHOWN} ({each.status}) at first"
        if each.note and each.note.startswith(ReceiptOutcome.STILL_SHOWN):
            return each.note
    return None


def _gone_since_shown(proofs: Sequence[EdgeReceipt]) -> list[EdgeReceipt]:
    """Choose the receipts with proof that came after the last probe that got an image."""
    times = [(each.seen_at, each) for each in proofs if each.seen_at]
    shown = max((at for at, each in times if not each.gone), default=datetime.min)
    return [each for at, each in times if at > shown]


def _receipt_of(probe_result: ProbeResult) -> EdgeReceipt:
    at = None if probe_result.at is None else datetime.fromtimestamp(probe_result.at, UTC).replace(tzinfo=None)
    return EdgeReceipt(
        edge=probe_result.edge,
        seen_at=at,
        status=probe_result.status,
        gone=probe_result.gone,
        note=probe_result.note,
        probed=probe_result.probed,
        images=probe_result.images,
    )
