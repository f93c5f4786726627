"""Judge receipts: some evidence proves a ban at an edge, and other evidence does not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from purger.model import ProbeResult
from purger.receipts.judge import ProbeResults, ReceiptOutcome, WithoutPurge, exit_code, judge_ban, why_without_purge
from purger.receipts.model import (
    BanRecord,
    EdgeReceipt,
    KnownEdge,
    LogEntry,
    Ownership,
    Purge,
    ReceiptsReport,
)
from purger.receipts.read import covering
from purger.receipts.text import after, edge_row, lines, moment
from takedown_base.scope import Scope
from takedown_db.schema.triggers import Triggers


def at(seconds: float) -> datetime:
    return datetime(2026, 11, 25) + timedelta(seconds=seconds)


EDGE = KnownEdge(name="edge1", added_at=at(0))
ACKNOWLEDGED = EdgeReceipt(edge="edge1", acknowledged_at=at(10.1), method="purge", instance="i")
GONE = replace(ACKNOWLEDGED, seen_at=at(10.2), status=410, gone=True)
SHOWN = replace(ACKNOWLEDGED, seen_at=at(10.2), status=200, gone=False)
SILENT = EdgeReceipt(edge="edge1")
LOGGED = LogEntry(id=1, action="ban", at=at(10), account="m@h", purge=5)


def report(
    *receipts: EdgeReceipt, edge: KnownEdge | None = EDGE, resends: tuple[EdgeReceipt, ...] = ()
) -> ReceiptsReport:
    purge = Purge(id=5, cause="ban", written_at=at(10), batch=3, edges=receipts)
    ban = BanRecord(id=1, scope=Scope.IMAGE, subject="c", stands=True, events=(LOGGED,), purges=(purge,))
    again = tuple(
        Purge(id=6 + number, cause="resend", written_at=at(20), batch=4 + number, edges=(receipt,))
        for number, receipt in enumerate(resends)
    )
    return ReceiptsReport(code="c", bans=(ban,), edges=(edge,) if edge else (), resends=again)


def test_an_edge_that_was_disabled_counts_until_it_trusts_its_cache_no_more() -> None:
    left = KnownEdge(name="edge2", added_at=at(0), enabled=False, trust_ends_by=at(20))
    of_one = report(GONE)
    over, lingering = (replace(of_one, edges=(EDGE, each)) for each in (left, replace(left, lingers=True)))
    assert (exit_code(over, {}), exit_code(lingering, {})) == (0, 3)
    assert lines(over, {})[0] == "image c: 1 ban in force, proven gone at 1 edge"
    assert lines(lingering, {})[0] == "image c: 1 ban in force; not proven at edge2"
    assert "disabled; stopped trusting its cache at" in lines(lingering, {})[-1]
    acknowledged = replace(lingering, bans=replace_receipts(lingering, GONE, replace(GONE, edge="edge2")))
    assert exit_code(acknowledged, {}) == 0, "disabled after it had let go of the image"


def test_two_names_of_one_varnishd_prove_nothing() -> None:
    both = (replace(EDGE, instance="i"), replace(EDGE, name="edge2", instance="j"))
    proven = replace(report(GONE, replace(GONE, edge="edge2")), edges=both)
    said = "Edges edge1, edge2 are one varnishd: nothing is proven at any other one that these names mean"
    assert not any(line.startswith(said) for line in lines(proven, {}))
    twins = replace(proven, edges=tuple(replace(edge, instance="i") for edge in both))
    assert lines(twins, {})[-1].startswith(said)
    assert lines(twins, {})[0] == "image c: 1 ban in force; not proven at edge1, edge2"
    assert (exit_code(proven, {}), exit_code(twins, {})) == (0, 3)
    one = replace(twins, edges=(both[0], replace(both[0], name="edge2", enabled=False)))
    assert not any(line.startswith(said) for line in lines(one, {}))


def replace_receipts(of: ReceiptsReport, *receipts: EdgeReceipt) -> tuple[BanRecord, ...]:
    (ban,) = of.bans
    return (replace(ban, purges=(replace(ban.purges[0], edges=receipts),)),)


@pytest.mark.parametrize(
    ("receipt", "outcome", "reason", "code"),
    [
        (GONE, ReceiptOutcome.GONE, "", 0),
        (SHOWN, ReceiptOutcome.STILL_SHOWN, "", 4),
        (ACKNOWLEDGED, ReceiptOutcome.NOT_PROVEN, "not probed", 3),
        (replace(ACKNOWLEDGED, note="unreachable: refused"), ReceiptOutcome.NOT_PROVEN, "unreachable: refused", 3),
        (replace(ACKNOWLEDGED, note="no images"), ReceiptOutcome.NO_IMAGES, "no images", 0),
        (SILENT, ReceiptOutcome.NOT_ACKNOWLEDGED, "", 3),
        (replace(SILENT, seen_at=at(11), status=410, gone=True), ReceiptOutcome.NOT_ACKNOWLEDGED, "now gone (410)", 3),
        (replace(SILENT, seen_at=at(11), status=200, gone=False), ReceiptOutcome.STILL_SHOWN, "", 4),
    ],
)
def test_an_answer_of_an_edge(receipt: EdgeReceipt, outcome: ReceiptOutcome, reason: str, code: int) -> None:
    found = report(receipt)
    (judged,) = judge_ban(found, found.bans[0], {})
    assert (judged.outcome, judged.reason, exit_code(found, {})) == (outcome, reason, code)


@pytest.mark.parametrize(
    "ended",
    [
        {"stands": False},
        {"left": Ownership(owner="c", until=at(11))},
    ],
)
@pytest.mark.parametrize("receipt", [SHOWN, ACKNOWLEDGED, SILENT])
def test_nothing_is_missing_of_a_ban_that_hides_nothing_any_more(receipt: EdgeReceipt, ended: dict[str, Any]) -> None:
    found = report(receipt)
    lifted = replace(found, bans=(replace(found.bans[0], **ended),))
    assert exit_code(lifted, {}) == 0


@pytest.mark.parametrize("edge", [None, replace(EDGE, enabled=False)])
def test_an_edge_that_went_is_not_blamed_but_leaves_nothing_to_prove_it_at(edge: KnownEdge | None) -> None:
    found = report(SHOWN, edge=edge)
    (judged,) = judge_ban(found, found.bans[0], {})
    assert not judged.counts
    assert exit_code(found, {}) == 3
    assert "there is no enabled edge to prove it at" in lines(found, {})[0]
    others = replace(found, edges=(*found.edges, replace(EDGE, name="edge2")))
    assert exit_code(others, {}) == 0


YOUNG = replace(EDGE, added_at=at(15))


@pytest.mark.parametrize(
    ("receipt", "outcome"),
    [
        (SILENT, ReceiptOutcome.ADDED_LATER),
        (EdgeReceipt(edge="edge1", acknowledged_at=at(16), method="flush"), ReceiptOutcome.ADDED_LATER),
        (EdgeReceipt(edge="edge1", acknowledged_at=at(16), method="purge"), ReceiptOutcome.NOT_PROVEN),
        # An edge of that name was there before, and was flushed.
        (EdgeReceipt(edge="edge1", acknowledged_at=at(11), method="flush"), ReceiptOutcome.NOT_PROVEN),
        (replace(SILENT, seen_at=at(17), status=200, gone=False), ReceiptOutcome.STILL_SHOWN),
    ],
)
def test_an_edge_that_was_added_after_the_ban(receipt: EdgeReceipt, outcome: ReceiptOutcome) -> None:
    found = report(receipt, edge=YOUNG)
    assert judge_ban(found, found.bans[0], {})[0].outcome is outcome


def test_a_purge_after_the_lift_tells_nothing_of_the_ban() -> None:
    found = report(GONE, resends=(replace(SHOWN, seen_at=at(21)),))
    lift = LogEntry(id=2, action="lift", at=at(15), account="m@h")
    lifted = replace(found.bans[0], stands=False, events=(LOGGED, lift))
    (judged,) = judge_ban(replace(found, bans=(lifted,)), lifted, {})
    assert (judged.outcome, judged.receipt.seen_at) == (ReceiptOutcome.GONE, GONE.seen_at)


def test_the_latest_probe_counts() -> None:
    mended = replace(GONE, seen_at=at(21))
    found = report(SHOWN, resends=(mended,))
    (judged,) = judge_ban(found, found.bans[0], {})
    assert (judged.outcome, judged.reason) == (ReceiptOutcome.GONE, "still there (200) at first")
    remark = "still there (200) at 2026-01-02 03:04:15"
    found = report(replace(GONE, note=remark), resends=(mended,))
    assert judge_ban(found, found.bans[0], {})[0].reason == remark
    assert exit_code(report(GONE, resends=(replace(SHOWN, seen_at=at(21)),)), {}) == 4
    now = at(30).replace(tzinfo=UTC).timestamp()
    probed = {(1, "edge1"): ProbeResult("edge1", 5, at=now, status=200, gone=False)}
    assert exit_code(report(GONE), probed) == 4
    away = {(1, "edge1"): ProbeResult("edge1", 5, note="unreachable: refused")}
    assert exit_code(report(GONE), away) == 0
    assert judge_ban(report(GONE), report(GONE).bans[0], away)[0].reason.endswith("unreachable: refused")


def test_a_later_probe_does_not_hide_when_the_image_was_first_seen_gone() -> None:
    def seen(found: ReceiptsReport, probed: ProbeResults) -> str:
        return edge_row(at(10), judge_ban(found, found.bans[0], probed)[0])[-1]

    now = at(13).replace(tzinfo=UTC).timestamp()
    probed = {(1, "edge1"): ProbeResult("edge1", 5, at=now, status=410, gone=True)}
    assert seen(report(GONE), {}) == "gone (410) after 200 ms"
    assert seen(report(GONE), probed) == "gone (410) after 200 ms, and again after 3.0 s"
    shown = report(GONE, resends=(replace(SHOWN, seen_at=at(12)),))
    assert seen(shown, {}) == "STILL THERE (200) after 2.0 s"
    assert seen(shown, probed) == "gone (410) after 3.0 s; still there (200) at first", "not gone in between"


def test_a_later_purge_of_an_image_proves_it_under_a_ban_of_its_owner() -> None:
    found = report(SHOWN, resends=(replace(GONE, seen_at=at(21)),))
    owned = replace(found, bans=(replace(found.bans[0], scope=Scope.OWNER, subject="anna"),))
    assert exit_code(owned, {}) == 0
    assert exit_code(replace(owned, code=None, owner="anna"), {}) == 4


def test_purges_from_before_the_ban_prove_nothing() -> None:
    found = report(ACKNOWLEDGED, resends=(GONE,))
    assert exit_code(found, {}) == 0
    before = replace(found, resends=(replace(found.resends[0], id=4),))
    assert exit_code(before, {}) == 3


@pytest.mark.parametrize(
    ("event", "pruned_until", "expected"),
    [
        (replace(LOGGED, purge=None), at(999), WithoutPurge.UNWRITTEN),
        (LOGGED, at(11), WithoutPurge.OLD),
        (LOGGED, at(9), WithoutPurge.UNKNOWN),
        (None, at(11), WithoutPurge.OLD),
        (None, at(9), WithoutPurge.UNKNOWN),
        (None, None, WithoutPurge.UNKNOWN),
    ],
)
def test_why_a_ban_has_no_purge(event: LogEntry | None, pruned_until: datetime | None, expected: WithoutPurge) -> None:
    events = (event,) if event else ()
    ban = BanRecord(id=1, scope=Scope.IMAGE, subject="c", stands=True, banned_at=at(10), events=events)
    assert why_without_purge(ReceiptsReport(code="c", bans=(ban,), pruned_until=pruned_until), ban) is expected


@pytest.mark.parametrize(
    ("restored", "triggers", "outcome"),
    [
        (Triggers(since=at(12), fingerprint="f"), "f", ReceiptOutcome.NOT_PROVEN),
        (Triggers(since=at(12), fingerprint="f"), "e", ReceiptOutcome.NOT_ACKNOWLEDGED),
        (Triggers(since=at(9), fingerprint="f"), "f", ReceiptOutcome.NOT_ACKNOWLEDGED),
        (Triggers(since=None, fingerprint="f"), "f", ReceiptOutcome.NOT_ACKNOWLEDGED),
    ],
)
def test_an_edge_is_flushed_for_a_trigger_that_was_missing(
    restored: Triggers, triggers: str, outcome: ReceiptOutcome
) -> None:
    ban = BanRecord(id=1, scope=Scope.IMAGE, subject="c", stands=True, events=(replace(LOGGED, purge=None),))
    edge = replace(EDGE, triggers=triggers)
    found = ReceiptsReport(code="c", bans=(ban,), edges=(edge,), triggers=restored)
    assert judge_ban(found, ban, {})[0].outcome is outcome
    flushed = replace(found, flushes={(1, "edge1"): at(13)})
    (judged,) = judge_ban(flushed, ban, {})
    assert (judged.outcome, judged.receipt.method) == (ReceiptOutcome.NOT_PROVEN, "flush")


#: An image that was anna's from second 10 to 20, and is again from 30 on.
OWNERSHIPS = [
    Ownership(owner="other", until=at(10)),
    Ownership(owner="anna", since=at(10), until=at(20)),
    Ownership(owner="other", since=at(20), until=at(30)),
    Ownership(owner="anna", since=at(30)),
]


@pytest.mark.parametrize(
    ("begun", "ended", "concerns", "hides"),
    [
        (5, 8, False, False),
        (5, 12, True, False),
        (12, 25, True, False),
        (12, 35, True, False),
        (12, None, True, True),
        (22, 28, False, False),
        (35, None, True, True),
    ],
)
def test_a_ban_of_an_owner_concerns_the_image_while_it_was_his(
    begun: int, ended: int | None, concerns: bool, hides: bool
) -> None:
    events = [LogEntry(id=1, action="ban", at=at(begun), account="m")]
    events += [LogEntry(id=2, action="lift", at=at(ended), account="m")] if ended else []
    ban = BanRecord(id=1, scope=Scope.OWNER, subject="anna", stands=ended is None, events=tuple(events))
    found = covering(ban, OWNERSHIPS)
    assert (found is not None, bool(found and found.hides)) == (concerns, hides)


def test_a_ban_of_a_former_owner_hides_the_image_no_more() -> None:
    ban = BanRecord(
        id=1,
        scope=Scope.OWNER,
        subject="anna",
        stands=True,
        events=(LogEntry(id=1, action="ban", at=at(12), account="m"),),
    )
    found = covering(ban, OWNERSHIPS[:-1])
    assert found is not None
    assert (found.stands, found.hides, found.left) == (True, False, OWNERSHIPS[1])
    late = replace(ban, events=(replace(ban.events[0], at=at(25)),))
    assert covering(late, OWNERSHIPS[:-1]) is None


def test_a_ban_from_before_the_log_that_stands_again_in_it() -> None:
    ban = replace(report().bans[0], purges=(Purge(id=2, cause="ban", written_at=at(1)), report().bans[0].purges[0]))
    assert (ban.logged, ban.begun, ban.purge) == (None, at(1), ban.purges[1])


def test_times_are_short() -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    assert (
        moment(now.replace(month=11, day=25, hour=16, minute=40, second=12, microsecond=345678)) == "11-25 16:40:12.345"
    )
    assert moment(datetime(2020, 1, 2, 3, 4, 5)) == "2020-01-02 03:04:05.000"
    assert [after(at(0), at(seconds)) for seconds in (0.0123, -0.004, 0.9996, 5, 300, 201933.4, -3600)] == [
        "after 12 ms",
        "after 0 ms",
        "after 1.0 s",
        "after 5.0 s",
        "after 5 min",
        "after 2 days",
        "by a wrong clock",
    ]


def test_an_edge_that_seems_to_have_answered_before_the_ban_has_no_duration_and_the_clocks_are_named() -> None:
    told = "\n".join(lines(report(replace(GONE, acknowledged_at=at(10 - 86400))), {}))
    assert "by a wrong clock" in told
    assert "The clocks of this record contradict each other" in told
    assert "-" not in told.partition("edge1")[2].partition("\n")[0]
    assert "contradict" not in "\n".join(lines(report(GONE), {}))


def test_an_edge_that_was_flushed_since_it_showed_the_image_is_told_in_words() -> None:
    cured = replace(GONE, seen_at=at(14), flushed_at=at(13), note="still there (200) at 2026-11-25 00:00:11.000000")
    said = (
        "gone (410) after 4.0 s; seen served after it was acknowledged; the edge was flushed at "
        f"{moment(at(13))}; gone at {moment(at(14))}"
    )
    assert any(line.endswith(said) for line in lines(report(cured), {}))
    shown_again = replace(cured, seen_at=at(15), status=200, gone=False)
    assert not any("flushed" in line for line in lines(report(shown_again), {}))
