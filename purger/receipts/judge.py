"""Judges receipts: per ban and edge whether the image is proven gone, and if not, why not. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import takewhile

from purger.model import ProbeResult
from purger.probe_notes import NO_IMAGES
from purger.receipts.model import Ban, EdgeReceipt, KnownEdge, Purge, Report

#: What was seen on demand, by ban and edge.
ProbeResults = Mapping[tuple[int, str], ProbeResult]


class Outcome(StrEnum):
    """The state of a ban at an edge."""

    GONE = "gone"  # acknowledged, and seen gone
    NOTHING = "nothing to see"  # acknowledged, and there is no image to look for
    LATER = "added later"  # the edge was not there when the ban was written, and began empty
    PART = "gone in part"  # acknowledged, and some of a banned owner's images were seen gone, and none was shown
    UNSEEN = "not proven"  # acknowledged
    UNACKNOWLEDGED = "not acknowledged"
    SHOWN = "still there"


class Absence(StrEnum):
    """Why a ban has no purge in the outbox."""

    UNWRITTEN = "no purge was written for it: a trigger was missing"
    OLD = "its purge and receipts are past their retention"
    UNKNOWN = "there is no purge of it in the outbox: a trigger was missing, or the row was deleted"


#: What still has to be done about an edge that counts.
MISSING = (Outcome.PART, Outcome.UNSEEN, Outcome.UNACKNOWLEDGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The state of a ban at one edge. ``reason`` says why it is not proven, or how it was."""

    edge: str
    outcome: Outcome
    reason: str = ""
    counts: bool = True  # False: removed, disabled, or the ban hides nothing any more
    receipt: EdgeReceipt


def exit_code(report: Report, probed: ProbeResults) -> int:
    """Sum up: 4 where a banned image is shown, 3 where something is missing at an edge, else 0."""
    hiding = [ban for ban in report.bans if ban.hides]
    outcomes = {each.outcome for ban in hiding for each in judge_ban(report, ban, probed) if each.counts}
    if Outcome.SHOWN in outcomes:
        return 4
    return 3 if outcomes.intersection(MISSING) or (hiding and not report.enabled) else 0


def absence(report: Report, ban: Ban) -> Absence | None:
    """Say why ``ban`` has no purge; None: it has one."""
    if ban.purge is not None:
        return None
    last, span = ban.last_banned, report.span
    if last and last.purge is None:
        return Absence.UNWRITTEN
    since = last.at if last else ban.begun
    if span.receipts_until and since < span.receipts_until:
        return Absence.OLD
    # Versions before the log pruned by a purger's clock, and kept no record of it but the mark.
    if last is None and span.pruned and (span.oldest is None or since < span.oldest):
        return Absence.OLD
    return Absence.UNKNOWN


def judge_ban(report: Report, ban: Ban, probed: ProbeResults) -> list[Judgement]:
    """Judge a ban at every edge that has a part in it."""
    purge = ban.purge
    known = {edge.name: edge for edge in report.edges}
    receipts = list(purge.edges) if purge else [_without_purge(report, ban, edge) for edge in report.enabled]
    return [
        _judge(report, ban, receipt, known.get(receipt.edge), probed.get((ban.id, receipt.edge)))
        for receipt in receipts
    ]


def _without_purge(report: Report, ban: Ban, edge: KnownEdge) -> EdgeReceipt:
    """Make the receipt of a ban that has no purge, from what else made the edge forget the image."""
    at = report.flushes.get((ban.id, edge.name))
    restored = report.restored
    # Each edge is flushed for a trigger that was made again, also where no batch is left for a receipt of it.
    again = restored and restored.at and restored.at > _written(ban) and edge.triggers == restored.fingerprint
    # What is past its retention was delivered: an edge that is further behind than the outbox goes back is flushed.
    old = absence(report, ban) is Absence.OLD and edge.triggers is not None
    return EdgeReceipt(edge=edge.name, acknowledged_at=at, method="flush" if at or again else "" if old else None)


def _judge(
    report: Report, ban: Ban, receipt: EdgeReceipt, edge: KnownEdge | None, look: ProbeResult | None
) -> Judgement:
    evidence = [receipt, *_again(report, ban, receipt.edge), *([_seen(look)] if look else [])]
    of_all = report.code is None and ban.scope == "owner"
    outcome, reason = _outcome(evidence, later=added_later(_written(ban), receipt, edge), of_all=of_all)
    if outcome is Outcome.UNACKNOWLEDGED and ban.purge and ban.purge.batch is None:
        reason = "not yet numbered"
    elif outcome in (Outcome.GONE, Outcome.PART) and look and look.gone is None:
        reason = f"now {look.note}"
    return Judgement(
        edge=receipt.edge,
        outcome=outcome,
        reason=reason,
        counts=ban.hides and edge is not None and edge.enabled,
        receipt=_latest(evidence, receipt),
    )


def _again(report: Report, ban: Ban, edge: str) -> list[EdgeReceipt]:
    """Find what an edge answered to later purges of the same code, while ``ban`` stood."""
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


def _written(ban: Ban) -> datetime:
    return ban.purge.written_at if ban.purge else ban.last_banned.at if ban.last_banned else ban.begun


def added_later(written: datetime, receipt: EdgeReceipt, edge: KnownEdge | None) -> bool:
    """Tell whether an edge was not there yet when a purge was written (``edge`` is None: it was removed).

    Its only answer is then the flush that each new edge begins with.
    """
    if edge is None or edge.added_at <= written:
        return False
    if receipt.method == "flush":
        return receipt.acknowledged_at is None or receipt.acknowledged_at >= edge.added_at
    return not receipt.method


def _outcome(evidence: Sequence[EdgeReceipt], *, later: bool, of_all: bool) -> tuple[Outcome, str]:
    """Judge the evidence in the order of its purges; ``of_all``: it is of all images of an owner."""
    last = _latest(evidence, evidence[0])
    note = last.note or ""
    if last.gone is False:
        return Outcome.SHOWN, note
    if later:
        return Outcome.LATER, ""
    if all(each.method is None for each in evidence):
        return Outcome.UNACKNOWLEDGED, f"now gone ({last.status})" if last.gone else note
    if last.gone:
        if doubt := _doubt(evidence):
            return Outcome.UNSEEN, f"now {doubt}"
        return _extent(last) if of_all else (Outcome.GONE, note)
    return (Outcome.NOTHING if note == NO_IMAGES else Outcome.UNSEEN), note or "not looked at"


def _extent(seen: EdgeReceipt) -> tuple[Outcome, str]:
    """Tell whether all of an owner's images were seen gone."""
    if seen.looked is None or seen.images is None:
        return Outcome.PART, "at how many of the images is not on record"
    return (Outcome.GONE if seen.looked >= seen.images else Outcome.PART), seen.note or ""


def _doubt(evidence: Sequence[EdgeReceipt]) -> str | None:
    """Find an answer that proved nothing and came after the last that did; silence is no answer."""
    later = takewhile(lambda each: each.seen_at is None, reversed(evidence))
    return next((each.note for each in later if each.note and each.status is not None), None)


def _latest(evidence: Sequence[EdgeReceipt], receipt: EdgeReceipt) -> EdgeReceipt:
    """Put the latest of what was seen into ``receipt``; where nothing was, the last reason for it."""
    seen = [each for each in evidence if each.seen_at is not None]
    if not seen:
        return replace(receipt, note=next((each.note for each in reversed(evidence) if each.note), None))
    last = max(seen, key=lambda each: each.seen_at or datetime.min)
    if last.gone:
        last = max(_gone_since_shown(seen), key=lambda each: (each.looked or 0, each.seen_at or datetime.min))
    shown = next((each for each in seen if each.gone is False and last.gone), None)
    note = last.note or (f"still there ({shown.status}) at first" if shown else None)
    return replace(
        receipt,
        seen_at=last.seen_at,
        status=last.status,
        gone=last.gone,
        note=note,
        looked=last.looked,
        images=last.images,
    )


def _gone_since_shown(seen: Sequence[EdgeReceipt]) -> list[EdgeReceipt]:
    """Choose the looks that came after the last one that was shown something."""
    times = [(each.seen_at or datetime.min, each) for each in seen]
    shown = max((at for at, each in times if not each.gone), default=datetime.min)
    return [each for at, each in times if at > shown]


def _seen(look: ProbeResult) -> EdgeReceipt:
    at = None if look.at is None else datetime.fromtimestamp(look.at, UTC).replace(tzinfo=None)
    return EdgeReceipt(
        edge=look.edge,
        seen_at=at,
        status=look.status,
        gone=look.gone,
        note=look.note,
        looked=look.looked,
        images=look.images,
    )
