"""Writes receipts for people: a verdict, and for each edge a line of at most 80 columns. Times are UTC."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from purger.probing.row_probe import IMAGES_OF_A_SUBJECT
from purger.probing.subject_images import COUNTED
from purger.receipts.judge import (
    CLOCKS_AGREE,
    NEEDS_ATTENTION,
    Judgement,
    ProbeResults,
    ReceiptOutcome,
    WithoutPurge,
    added_later,
    clocks_contradict,
    judge_ban,
    why_without_purge,
)
from purger.receipts.model import BanRecord, EdgeReceipt, Erasure, Purge, ReceiptsReport
from purger.text_format import aligned, counted, duration, end_of_trust
from takedown_base.content_names import kind_of_name, shown_name
from takedown_base.name_codes import shown_key
from takedown_base.printable import printable
from takedown_base.scope import Scope


def lines(report: ReceiptsReport, probed: ProbeResults) -> list[str]:
    """Write the lines of a report, the verdict first."""
    judged = {ban.id: judge_ban(report, ban, probed) for ban in report.bans}
    written = verdict(report, judged)
    for ban in report.bans:
        written += ["", *_ban(report, ban, judged[ban.id]), *_end(report, ban)]
    if report.resends:
        written += [
            "",
            *(_answered(report, purge, f"purged again {moment(purge.written_at)}") for purge in report.resends),
        ]
    return written + list(_remarks(report))


def moment(at: datetime) -> str:
    """Write a time in UTC to the millisecond, and without its year in that year."""
    year = "" if at.year == datetime.now(UTC).year else f"{at:%Y}-"
    return f"{year}{at:%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}"


def after(since: datetime, until: datetime) -> str:
    """Write the time from one moment to a later one. A moment that seems to be earlier was told by a wrong clock."""
    if until < since - CLOCKS_AGREE:
        return "by a wrong clock"
    return f"after {duration(max(0.0, (until - since).total_seconds()))}"


def verdict(report: ReceiptsReport, judged: dict[int, list[Judgement]]) -> list[str]:
    """Write in one line whether the bans in force are proven at every edge; ``judged`` is by id of the ban."""
    subject = _subject(report)
    hiding = [ban for ban in report.bans if ban.hides]
    if not report.bans and report.code is not None and not report.ownerships and report.digest is None:
        return [f"{subject}: nobody has banned this code or imported an image under it; codes differ in case"]
    if not report.bans:
        also = ", on its bytes or on an owner that it had," if report.code is not None else ""
        return [f"{subject}: no ban on it{also} is on record"]
    if not hiding:
        does = "hides it" if report.code is not None else "is in force"
        return [f"{subject}: {counted(len(report.bans), 'ban')}, none of which {does} now"]
    judgements = [each for ban in hiding for each in judged[ban.id] if each.counts]
    head = f"{subject}: {counted(len(hiding), 'ban')} in force"
    shown = _names(judgements, ReceiptOutcome.STILL_SHOWN)
    part = _names(judgements, ReceiptOutcome.GONE_IN_PART)
    missing = _names(
        judgements, *(outcome for outcome in NEEDS_ATTENTION if outcome is not ReceiptOutcome.GONE_IN_PART)
    )
    said = (f"; STILL SHOWN at {shown}" if shown else "") + (f"; not proven at {missing}" if missing else "")
    said += f"; proven for some of the images at {part}" if part else ""
    if said:
        return [head + said]
    if not report.enabled:
        return [f"{head}; there is no enabled edge to prove it at"]
    return [f"{head}{''.join(_proven(judgements))}"]


def _proven(judgements: Sequence[Judgement]) -> Iterator[str]:
    edges = {outcome: len({each.edge for each in judgements if each.outcome is outcome}) for outcome in ReceiptOutcome}
    if number := edges[ReceiptOutcome.GONE]:
        yield f", proven gone at {counted(number, 'edge')}"
    if number := edges[ReceiptOutcome.NO_IMAGES]:
        yield f", acknowledged at {counted(number, 'edge')}, with no image to probe"
    if number := edges[ReceiptOutcome.ADDED_LATER]:
        yield f"; {counted(number, 'edge')} added later"


def _names(judgements: Sequence[Judgement], *outcomes: ReceiptOutcome) -> str:
    names = dict.fromkeys(printable(each.edge) for each in judgements if each.outcome in outcomes)
    return ", ".join(names)


def _subject(report: ReceiptsReport) -> str:
    if report.code is not None:
        return f"image {shown_key(Scope.IMAGE, report.code)}"
    return printable(f"owner {report.owner}" if report.owner is not None else f"digest {report.digest}")


def _ban(report: ReceiptsReport, ban: BanRecord, judgements: list[Judgement]) -> Iterator[str]:
    yield f"ban {ban.id} on {ban.scope} {shown_key(ban.scope, ban.subject)}, {moment(ban.begun)} UTC: {_state(ban)}"
    account = ban.logged.account if ban.logged else "an account that was not recorded"
    # The account comes first: a name that moderation wrote could look like an account.
    name = f" for {printable(ban.banned_by)}" if ban.banned_by else ""
    yield f"  by {printable(account)}{name}: {printable(ban.reason) or 'no reason'}"
    if ban.name is not None:
        yield f"  by the {kind_of_name(ban.name)} {shown_name(ban.name)}"
    if ban.erasure:
        yield f"  {_erasure(ban.erasure)}"
    if ban.last_banned not in (None, ban.logged):
        yield f"  again since {moment(ban.last_banned.at)} by {printable(ban.last_banned.account)}"
    reason = why_without_purge(report, ban)
    if reason:
        yield f"  {_without_purge(report, ban, reason)}"
    if ban.purge or ban.hides:
        since = ban.purge.written_at if ban.purge else ban.begun
        rows = [edge_row(since, each) for each in judgements]
        yield from (f"  {line}" for line in aligned(("edge", "acknowledged", "with", "removed", "seen"), rows))


def _erasure(erasure: Erasure) -> str:
    """Write when the bytes were destroyed, and how much of them."""
    by = f"by {printable(erasure.account)}: {counted(erasure.erased, 'file')}"
    kept = f"; {counted(erasure.kept, 'file')} not erased (shared, replaced or not found)" if erasure.kept else ""
    if erasure.done_at:
        return f"bytes erased {moment(erasure.done_at)} {by}{kept}"
    begun = f" that began {moment(erasure.begun_at)}" if erasure.begun_at else ""
    return f"the erasure of its bytes{begun} was not completed: run `origin erase` again ({by} so far{kept})"


def _state(ban: BanRecord) -> str:
    if not ban.stands:
        return "no longer in force"
    if ban.left is None:
        return "in force"
    at = moment(ban.left.until) if ban.left.until else ""
    return f"in force; the image left this owner {at}: {printable(ban.left.became)} (by {printable(ban.left.account)})"


def _without_purge(report: ReceiptsReport, ban: BanRecord, reason: WithoutPurge) -> str:
    if reason is WithoutPurge.OLD:
        until = report.pruned_until
        return reason + (f" (what is left begins {moment(until)})" if until else "")
    triggers = report.triggers
    if triggers is None or triggers.since is None:
        return f"{reason}, and is missing still: run `purger migrate`"
    since = ban.last_banned.at if ban.last_banned else ban.begun
    return reason + (f"; it was made again {moment(triggers.since)}" if triggers.since > since else "")


def edge_row(since: datetime, each: Judgement) -> tuple[str, ...]:
    """Write the state at one edge: its name, acknowledgement, method, number of objects removed, and probe result."""
    receipt = each.receipt
    return (
        each.edge,
        _acknowledged(since, receipt, each.outcome),
        receipt.method or "",
        "" if receipt.removed is None else str(receipt.removed),
        _probed(since, each),
    )


def _acknowledged(since: datetime, receipt: EdgeReceipt, outcome: ReceiptOutcome) -> str:
    if outcome is ReceiptOutcome.ADDED_LATER:
        return "added later"
    if receipt.acknowledged_at:
        return after(since, receipt.acknowledged_at)
    return "not yet" if receipt.method is None else "since then"


def _probed(since: datetime, each: Judgement) -> str:
    receipt = each.receipt
    if each.trust_ends_by:
        return f"{each.reason}; {end_of_trust(each.trust_ends_by)}".removeprefix("; ")
    if receipt.seen_at is None or each.outcome is ReceiptOutcome.NOT_ACKNOWLEDGED:
        return each.reason
    verdict = "STILL THERE" if receipt.gone is False else "gone"
    reason = f"; {each.reason}" if each.reason else ""
    if receipt.gone and receipt.flushed_at:
        flushed, gone = moment(receipt.flushed_at), moment(receipt.seen_at)
        reason = f"; seen served after it was acknowledged; the edge was flushed at {flushed}; gone at {gone}"
    return f"{verdict} ({receipt.status}){_extent(receipt)} {_seen(since, each, receipt.seen_at)}{reason}"


def _seen(since: datetime, each: Judgement, last: datetime) -> str:
    """Write when the probe was that counts; for one image also when it was first seen gone, if that was earlier."""
    first, written = each.first_gone_at, after(since, last)
    if first is None or first >= last or each.receipt.images is not None:
        return written
    return f"{after(since, first)}, and again {written}"


def _extent(receipt: EdgeReceipt) -> str:
    """Write at how many of the images of an owner or digest the probe was."""
    if receipt.probed is None or receipt.images is None:
        return ""
    more = " or more" if receipt.images >= COUNTED else ""
    return f" at {receipt.probed:,} of {receipt.images:,}{more} images"


def _end(report: ReceiptsReport, ban: BanRecord) -> Iterator[str]:
    """Write who lifted or deleted a ban, and how many edges have acknowledged it."""
    if ban.stands:
        return
    ending = ban.ending
    unbanned = any(purge.cause == "unban" for purge in ban.purges)
    ended = "deleted, or changed to another subject," if unbanned or (ending and ending.action == "unban") else "lifted"
    at = f" {moment(ban.ended)}" if ban.ended else ""
    if ending is None and ban.logged:
        yield f"  written as lifted{at}"
        return
    said = f"  {ended}{at} by {printable(ending.account) if ending else 'an account that was not recorded'}"
    if ban.lifted_by:
        said += f" for {printable(ban.lifted_by)}"
    if ban.lift_reason:
        said += f": {printable(ban.lift_reason)}"
    last = next((purge for purge in reversed(ban.purges) if purge.cause in ("lift", "unban")), None)
    yield _answered(report, last, said) if last else said


def _answered(report: ReceiptsReport, purge: Purge, said: str) -> str:
    known = {edge.name: edge for edge in report.edges}
    there = [each for each in purge.edges if not added_later(purge.written_at, each, known.get(each.edge))]
    done = [each.acknowledged_at for each in there if each.acknowledged_at]
    last = f", the last {after(purge.written_at, max(done))}" if done else ""
    return f"{said}; acknowledged at {len(done)} of {counted(len(there), 'edge')}{last}"


def _remarks(report: ReceiptsReport) -> Iterator[str]:
    if same := report.one_varnishd:
        yield ""
        yield (
            f"Edges {', '.join(map(printable, same))} are one varnishd: nothing is proven at any other one that these "
            "names mean (`purger status`)."
        )
    if clocks_contradict(report):
        yield ""
        yield "The clocks of this record contradict each other: its times prove nothing, the order of batches does."
    if any(ban.scope != Scope.IMAGE and ban.purge for ban in report.bans):
        yield ""
        yield (
            f"Of the images of a banned owner or digest the purger probes at most {IMAGES_OF_A_SUBJECT}, drawn at "
            "random. --probe with a code probes that one, with --owner or --digest it probes more (--limit)."
        )
