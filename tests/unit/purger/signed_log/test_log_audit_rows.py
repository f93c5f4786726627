"""Compare leaves with the rows that they were made from: each difference is named, and what was pruned is none."""

from datetime import datetime
from hashlib import sha256
from typing import Any

import pytest

from purger.signed_log.audit.audited_rows import ProbeRow, PurgeRow, Reach, ReceiptRow, Unlogged
from purger.signed_log.audit.edge_comparison import compare_probes, compare_receipts
from purger.signed_log.audit.event_comparison import AuditedBan, compare_bans, compare_batches, compare_events
from purger.signed_log.audit.report import AuditReport, Count
from purger.signed_log.audit.stored_leaf import OpenedLeaf
from purger.signed_log.entries import BatchedPurge, BatchRow, EventRow, row_hashes, utc_text

TIME = datetime(2026, 11, 26, 12, 0, 0, 1)
AT = utc_text(TIME)
LATER = "2026-11-26T12:00:01.000000Z"
LIFTED = datetime(2026, 11, 26, 12, 0, 1)
REACH = Reach(10, 20, 1000, "2026-11-01T00:00:00.000000Z", outbox_pruned=5, receipts_pruned=2)
PRUNED = Reach(1, 20, 1000, "2026-11-01T00:00:00.000000Z", outbox_pruned=15, receipts_pruned=12)


def leaf(kind: str, source: int, erased: tuple[str, ...] = (), pruned: bool = False, **members: Any) -> OpenedLeaf:
    return OpenedLeaf(99, kind, source, members, frozenset(erased), pruned)


def texts(report: AuditReport) -> list[str]:
    return [finding.text() for finding in report.findings]


BATCH = leaf("batch", 17, batch=17, identity="i", at=AT, rows=2, purges="5e")
BATCH_ROW = BatchRow(17, "i", TIME, 2)
EVENT = leaf("event", 7, event=7, action="ban", scope="image", at=AT, ban=3, row=5, batch=17, subject="kX3_vQ",
             account="desk@site", banned_by="Ann", reason="spam", banned_at=AT)  # fmt: skip
EVENT_ROW = EventRow(7, "ban", 3, "image", "kX3_vQ", None, "spam", "Ann", None, 5, "desk@site", TIME, TIME, None, None,
                     None, None)  # fmt: skip
PURGE = PurgeRow(5, 17, "image", "kX3_vQ", "ban", 3)
RECEIPT = leaf("acknowledged", 17, edge="edge1", first=15, last=17, method="purge", instance="v1", at=AT)
RECEIPT_ROW = ReceiptRow("edge1", 17, 15, "purge", "v1", TIME)
PROBE = leaf("seen", 5, edge="edge1", row=5, at=AT, status=410, gone="yes", code="")
PROBE_ROW = ProbeRow("edge1", 5, "", TIME, 410, 1, None, None, None)


def batches(leaves: list[OpenedLeaf], rows: list[BatchRow], sizes: dict[int, int], reach: Reach = REACH,
            rows_hash: str = "5e") -> Any:  # fmt: skip
    report = AuditReport()
    return report, compare_batches(leaves, rows, sizes, {17: rows_hash}, reach, report)


def events(leaves: list[OpenedLeaf], rows: list[EventRow], purges: list[PurgeRow], reach: Reach = REACH,
           standing: frozenset[int] = frozenset()) -> Any:  # fmt: skip
    report = AuditReport()
    by_id = {purge.id: purge for purge in purges}
    return report, compare_events(leaves, rows, by_id, frozenset(), standing, reach, report)


def receipts(leaves: list[OpenedLeaf], rows: list[ReceiptRow], reach: Reach = REACH, kept: bool = False) -> Any:
    report = AuditReport()
    return report, compare_receipts(leaves, rows, lambda ranges: set(ranges) if kept else set(), reach, report)


def probes(leaves: list[OpenedLeaf], rows: list[ProbeRow], purges: dict[int, int | None]) -> Any:
    report = AuditReport()
    return report, compare_probes(leaves, rows, purges, REACH, report)


def test_rows_that_are_as_the_log_has_them_are_clean() -> None:
    for report, unlogged in (
        batches([BATCH], [BATCH_ROW], {17: 2}),
        events([EVENT], [EVENT_ROW], [PURGE]),
        receipts([RECEIPT, RECEIPT], [RECEIPT_ROW]),
        probes([PROBE], [PROBE_ROW], {5: 17}),
    ):
        assert (texts(report), unlogged) == ([], [])
        assert report.number(Count.COMPARED) >= 1


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("action", "lift", "action: the log says 'ban', the database 'lift'"),
        ("ban_id", 4, "ban_id: the log says 3, the database 4"),
        ("scope", "owner", "scope: the log says 'image', the database 'owner'"),
        ("subject", "kX3_vR", "subject: the log says 'kX3_vQ', the database 'kX3_vR'"),
        ("owner", "bob", "owner: the log says nothing, the database 'bob'"),
        ("reason", "", "reason: the log says 'spam', the database ''"),
        ("banned_by", "Bea", "banned_by: the log says 'Ann', the database 'Bea'"),
        ("detail", "x", "detail: the log says nothing, the database 'x'"),
        ("invalidation", 6, "invalidation: the log says 5, the database 6"),
        ("account", "root@site", "account: the log says 'desk@site', the database 'root@site'"),
        ("banned_at", None, f"banned_at: the log says '{AT}', the database nothing"),
        ("lifted_at", TIME, f"lifted_at: the log says nothing, the database '{AT}'"),
        (
            "logged_at",
            TIME.replace(hour=13),
            f"logged_at: the log says '{AT}', the database '2026-11-26T13:00:00.000001Z'",
        ),
    ],
)
def test_each_column_of_an_act_is_compared(column: str, value: Any, told: str) -> None:
    report, _ = events([EVENT], [EVENT_ROW._replace(**{column: value})], [PURGE])
    assert f"moderation_log 7, {told}" in texts(report)


@pytest.mark.parametrize(
    ("column", "value"), [("batch", 18), ("scope", "owner"), ("subject", "x"), ("cause", "lift"), ("ban_id", None)]
)
def test_the_purge_of_an_act_is_compared_with_it(column: str, value: Any) -> None:
    report, _ = events([EVENT], [EVENT_ROW], [PURGE._replace(**{column: value})])
    (told,) = texts(report)
    assert told.startswith(f"invalidations 5, {column}: the log says ")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (BATCH_ROW._replace(identity="j"), "batches 17, identity: the log says 'i', the database 'j'"),
        (BATCH_ROW._replace(size=3), "batches 17, size: the log says 2, the database 3"),
    ],
)
def test_each_column_of_a_batch_is_compared(row: BatchRow, told: str) -> None:
    assert texts(batches([BATCH], [row], {17: 2})[0]) == [told]


def test_a_batch_that_lost_rows_of_the_outbox_is_named() -> None:
    assert texts(batches([BATCH], [BATCH_ROW], {17: 1})[0]) == [
        "invalidations of batch 17, rows: the log says 2, the database 1"
    ]


def test_rows_of_a_batch_that_never_was_are_named() -> None:
    never = "the log says there is no such batch, the database has rows of it"
    assert texts(batches([BATCH], [BATCH_ROW], {17: 2, 0: 1, 18: 1})[0]) == [
        f"invalidations of batch 0: {never}",
        f"invalidations of batch 18: {never}",
    ]
    assert batches([BATCH], [BATCH_ROW], {17: 2, 9: 1})[0].rows_before == 1
    assert texts(batches([leaf("batch", 17, pruned=True)], [], {17: 1})[0]) == []


def test_a_batch_of_which_a_row_of_the_outbox_was_altered_is_named() -> None:
    assert texts(batches([BATCH], [BATCH_ROW], {17: 2}, rows_hash="5f")[0]) == [
        "invalidations of batch 17, hash of all rows: the log says '5e', the database '5f'"
    ]
    old = leaf("batch", 17, **{name: value for name, value in BATCH.members.items() if name != "purges"})
    assert texts(batches([old], [BATCH_ROW], {17: 2})[0]) == []


PURGES = [
    BatchedPurge(17, 5, "image", "kX3_vQ", "ban", 3, TIME),
    BatchedPurge(17, 6, "owner", "al", "lift", None, None),
]


def test_the_hash_of_a_batch_covers_each_value_of_each_row() -> None:
    whole = row_hashes([*PURGES, PURGES[0]._replace(batch=18)])
    assert whole.keys() == {17, 18}
    text = f'[[5,"image","kX3_vQ","ban",3,"{AT}"],[6,"owner","al","lift",null,null]]'
    assert whole[17] == sha256(text.encode()).hexdigest()
    others: list[dict[str, Any]] = [
        {"id": 7},
        {"scope": "x"},
        {"subject": "x"},
        {"cause": "x"},
        {"ban_id": 4},
        {"written_at": None},
    ]
    changed = [row_hashes([PURGES[0]._replace(**other), PURGES[1]]) for other in others]
    assert len({hashes[17] for hashes in changed} | {whole[17]}) == len(others) + 1


@pytest.mark.parametrize(
    ("column", "value"),
    [("first_batch", 14), ("method", "flush"), ("instance", "v2"), ("acknowledged_at", TIME.replace(hour=1))],
)
def test_each_column_of_a_receipt_is_compared(column: str, value: Any) -> None:
    (told,) = texts(receipts([RECEIPT], [RECEIPT_ROW._replace(**{column: value})])[0])
    assert told.startswith(f"receipts edge edge1, batch 17, {column}: the log says ")


@pytest.mark.parametrize(
    ("column", "value"),
    [("seen_at", TIME.replace(hour=1)), ("status", 200), ("gone", 0), ("gone", None), ("looked", 1), ("images", 1),
     ("note", "x")],
)  # fmt: skip
def test_each_column_of_a_probe_is_compared(column: str, value: Any) -> None:
    (told,) = texts(probes([PROBE], [PROBE_ROW._replace(**{column: value})], {5: 17})[0])
    assert told.startswith(f"sightings edge edge1, invalidation 5, {column}: the log says ")


def test_of_several_acknowledgements_of_a_batch_the_first_counts() -> None:
    again = leaf("acknowledged", 17, edge="edge1", first=15, last=17, method="flush", instance="v2", at=LATER)
    assert texts(receipts([RECEIPT, again], [RECEIPT_ROW])[0]) == []
    assert texts(receipts([again, RECEIPT], [RECEIPT_ROW])[0])


def test_of_several_probes_the_later_result_counts_and_of_two_that_agree_the_first_time() -> None:
    shown = leaf("seen", 5, edge="edge1", row=5, at=LATER, status=200, gone="no", code="")
    gone = leaf("seen", 5, edge="edge1", row=5, at="2026-11-26T12:00:02.000000Z", status=410, gone="yes", code="")
    again = leaf("seen", 5, edge="edge1", row=5, at="2026-11-26T12:00:03.000000Z", status=404, gone="yes", code="")
    told = probes([PROBE, shown, gone, again], [PROBE_ROW], {5: 17})[0]
    assert texts(told) == [
        "sightings edge edge1, invalidation 5, seen_at: the log says '2026-11-26T12:00:02.000000Z', the database "
        f"'{AT}'",
        "sightings edge edge1, invalidation 5, note: the log says 'still there (200) at 2026-11-26 12:00:01.000000', "
        "the database nothing",
    ]


def test_the_note_of_a_probe_is_that_of_its_first_result() -> None:
    noted = leaf("seen", 5, **{**PROBE.members, "note": "n" * 300})
    assert texts(probes([noted, PROBE], [PROBE_ROW._replace(note="n" * 255)], {5: 17})[0]) == []


def test_a_row_from_before_the_log_with_a_result_of_now_keeps_what_it_had_then() -> None:
    row = PROBE_ROW._replace(note="still there (200) at 2026-10-01 00:00:00.000000")
    assert texts(probes([PROBE], [row], {5: 9})[0]) == []
    assert len(texts(probes([PROBE], [row._replace(status=404)], {5: 9})[0])) == 1
    assert len(texts(probes([PROBE], [row], {5: 17})[0])) == 1


def test_rows_that_are_gone_before_their_time_are_named() -> None:
    assert texts(batches([BATCH], [], {})[0]) == [
        "batches 17: the log says there is one (leaf 99), the database has none"
    ]
    assert texts(events([EVENT], [], [])[0])[0].startswith("moderation_log 7: the log says there is one")
    assert texts(events([EVENT], [EVENT_ROW], [])[0])[0].startswith("invalidations 5: the log says there is one")
    assert texts(receipts([RECEIPT], [])[0])[0].startswith("receipts edge edge1, batch 17: the log says there is one")
    assert texts(probes([PROBE], [], {5: 17})[0])[0].startswith("sightings edge edge1, invalidation 5: the log says")


def test_rows_past_their_retention_are_counted() -> None:
    told: dict[str, Any] = {**EVENT.members, "batch": 12}
    for report, _ in (
        batches([leaf("batch", 12, at=AT)], [], {}, PRUNED),
        batches([leaf("batch", 14, at=AT)], [], {}, PRUNED),
        events([leaf("event", 7, **told)], [EVENT_ROW], [], PRUNED),
        receipts([leaf("acknowledged", 12, edge="edge1", at=AT, first=11)], [], PRUNED),
        receipts([leaf("acknowledged", 14, edge="edge1", at=AT, first=13)], [], PRUNED),
        probes([PROBE], [], {}),
    ):
        assert report.number(Count.ROWS_PRUNED) == 1
        assert (report.rows_pruned_until, [text for text in texts(report) if "none" in text]) == (AT, [])


def test_a_batch_of_bans_and_its_receipt_may_not_go_as_early_as_others() -> None:
    assert texts(batches([leaf("batch", 14, at=AT)], [], {14: 1}, PRUNED)[0])
    assert texts(receipts([leaf("acknowledged", 14, edge="edge1", first=13)], [], PRUNED, kept=True)[0])
    banned = leaf("event", 7, **{**EVENT.members, "batch": 14})
    assert "invalidations 5" in texts(events([banned], [EVENT_ROW], [], PRUNED)[0])[0]


def test_a_row_without_a_leaf_is_told() -> None:
    assert batches([], [BATCH_ROW], {17: 2})[1] == [Unlogged("batches", "17", "batch", (17,))]
    assert events([], [EVENT_ROW], [PURGE])[1] == [Unlogged("moderation_log", "7", "event", (7,))]
    assert receipts([], [RECEIPT_ROW])[1] == [
        Unlogged("receipts", "edge edge1, batch 17", "acknowledged", ("edge1", 17))
    ]
    assert probes([], [PROBE_ROW], {5: 9})[1]
    assert probes([], [PROBE_ROW], {5: 17})[1] == [
        Unlogged("sightings", "edge edge1, invalidation 5", "seen", ("edge1", 5, ""))
    ]


def test_a_row_from_before_the_log_or_that_waits_for_it_needs_no_leaf() -> None:
    old = leaf("acknowledged", 9, edge="edge1", first=9, last=9, method="purge", instance="v1", at=AT)
    for report, unlogged in (
        batches([], [BATCH_ROW._replace(batch=9), BATCH_ROW._replace(batch=21)], {}),
        events([], [EVENT_ROW], [PURGE._replace(batch=9)]),
        events([], [EVENT_ROW], [PURGE._replace(batch=21)]),
        events([], [EVENT_ROW], [PURGE._replace(batch=None)]),
        events([], [EVENT_ROW._replace(id=1001, invalidation=None)], []),
        receipts([], [RECEIPT_ROW._replace(batch=9)]),
        probes([], [PROBE_ROW._replace(seen_at=TIME.replace(month=10))], {5: 9}),
        probes([PROBE], [PROBE_ROW._replace(seen_at=TIME.replace(month=10))], {5: 9}),
        receipts([old], [RECEIPT_ROW._replace(batch=9, acknowledged_at=TIME.replace(month=10))]),
    ):
        assert (texts(report), unlogged) == ([], [])
        assert report.number(Count.BEFORE) + report.number(Count.WAITING) >= 1


def test_no_row_is_from_before_the_first_batch_of_all() -> None:
    assert batches([], [BATCH_ROW._replace(batch=0)], {})[1] == [Unlogged("batches", "0", "batch", (0,))]
    assert receipts([], [RECEIPT_ROW._replace(batch=0)])[1]


def test_an_act_that_caused_no_purge_needs_a_leaf_once_the_log_has_come_so_far() -> None:
    assert events([], [EVENT_ROW._replace(id=1000, invalidation=None)], [])[1]


def test_an_act_whose_purge_vanished_without_a_leaf_is_told_unless_it_is_older_than_the_log() -> None:
    assert events([], [EVENT_ROW], [])[1]
    assert events([], [EVENT_ROW._replace(logged_at=TIME.replace(month=10))], [])[1] == []


def test_a_value_that_was_erased_is_not_compared_but_its_place_is() -> None:
    without = {name: value for name, value in EVENT.members.items() if name != "reason"}
    erased = leaf("event", 7, ("reason",), **without)
    report, _ = events([erased], [EVENT_ROW._replace(reason="")], [PURGE])
    assert (texts(report), report.number(Count.LEAVES_ERASED)) == ([], 1)
    owned = leaf("event", 7, ("owner",), **EVENT.members)
    assert texts(events([owned], [EVENT_ROW], [PURGE])[0]) == [
        "moderation_log 7, owner: the log says something that was erased, the database nothing"
    ]


def test_a_pruned_leaf_excuses_its_row() -> None:
    for report, unlogged in (
        batches([leaf("batch", 17, pruned=True)], [BATCH_ROW], {17: 2}),
        events([leaf("event", 7, pruned=True)], [EVENT_ROW], [PURGE]),
        receipts([leaf("acknowledged", 17, pruned=True)], [RECEIPT_ROW]),
        probes([leaf("seen", 5, pruned=True)], [PROBE_ROW], {5: 17}),
    ):
        assert (texts(report), unlogged, report.number(Count.LEAVES_PRUNED)) == ([], [], 1)


def test_a_leaf_of_a_ban_that_stands_may_not_be_pruned() -> None:
    report, _ = events([leaf("event", 7, pruned=True)], [EVENT_ROW], [PURGE], standing=frozenset({7}))
    assert texts(report) == ["log_leaves 99, content: the log says its subject is banned, the database has pruned it"]


BAN = AuditedBan(3, "image", "c", "spam", "Ann", TIME, None, None, None,
                 7, "ban", "image", "c", "spam", "Ann", TIME, None, None, None)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, []),
        ({"reason": "x"}, ["bans 3, reason: the log says 'spam', the database 'x'"]),
        ({"subject": "d"}, ["bans 3, subject: the log says 'c', the database 'd'"]),
        ({"banned_at": LIFTED}, [f"bans 3, banned_at: the log says '{AT}', the database '{LATER}'"]),
        ({"lifted_at": LIFTED}, [f"bans 3, lifted_at: the log says nothing, the database '{LATER}'"]),
        ({"act_lifted_at": LIFTED}, [f"bans 3, lifted_at: the log says '{LATER}', the database nothing"]),
        ({"lifted_at": LIFTED, "act_lifted_at": LIFTED}, []),
        ({"lifted_by": "Bob", "act_lifted_by": "Bob"}, []),
        ({"lifted_by": "Eve", "act_lifted_by": "Bob"}, ["bans 3, lifted_by: the log says 'Bob', the database 'Eve'"]),
        ({"lift_reason": "x"}, ["bans 3, lift_reason: the log says nothing, the database 'x'"]),
        ({"act": None}, ["bans 3: the log says no such row, the database has one"]),
        ({"act_action": "unban"}, ["bans 3: the log says it was deleted, the database has one"]),
    ],
)  # fmt: skip
def test_a_ban_is_as_the_last_act_on_it_left_it(change: dict[str, Any], told: list[str]) -> None:
    report = AuditReport()
    compare_bans([BAN._replace(**change)], report)
    assert texts(report) == told
