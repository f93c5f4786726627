"""Fix the keys of the JSON that the purger's commands print: programs of operators read them."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from purger.cli.moderation.ban import BanListReport, BanReport
from purger.cli.moderation.receipts import receipts_report
from purger.cli.status import status_report
from purger.fleet.edges import ListedEdge
from purger.fleet.problems import Problem
from purger.fleet.state import EdgeState, FleetState
from purger.model import PurgerPresence
from purger.moderation.acknowledgement_wait import EdgeAcknowledgement
from purger.moderation.bans import Ban as BanRow
from purger.moderation.lists import RefusedLine
from purger.probing.audit import AuditResult, ServedImage, UnprovenImage
from purger.receipts.model import BanRecord, EdgeReceipt, Erasure, KnownEdge, LogEntry, Ownership, Purge, ReceiptsReport
from purger.signed_log.audit.report import AuditReport
from takedown_base.json_output import print_json
from takedown_base.scope import Scope

TIME = datetime(2026, 11, 25, 1, 2, 3, 456000)

STATUS = {
    "": "ok problems remarks purgers database edges disabled_edges webhooks",
    "problems": "what do edge",
    "purgers": "id host pid version since seen_at age clock_lead alive edges",
    "database": "server adopted pending stuck head numbered_at read_at clock_lead pruned later_migrations "
    "missing_triggers weakened_triggers hooks unwatched unnumberable counter_locked migration_lock log unnamed",
    "database.log": "begun unsigned batches entries seconds",
    "edges": "name purge_url public_url mode instance acknowledged lag waits heartbeat_age lease_remaining seen_at "
    "epoch trust_ends_by problem purger",
}

EDGE_RECEIPT = "edge acknowledged_at instance method removed seen_at status gone note probed images flushed_at others"
PURGE = "id cause written_at batch numbered_at edges"
OWNERSHIP = "owner since until account became"
RECEIPTS = {
    "": "code owner digest owners exit_code clocks_contradict bans resends hit",
    "owners": OWNERSHIP,
    "bans": "id scope subject reason banned_by banned_at lifted_at lifted_by lift_reason name stands left events "
    "purges erasure hides begun ended account ended_by without_purge edges",
    "bans.left": OWNERSHIP,
    "bans.events": "id action at account reason banned_by detail purge lifted_by lift_reason",
    "bans.purges": PURGE,
    "bans.purges.edges": EDGE_RECEIPT,
    "bans.erasure": "begun_at done_at erased kept account",
    "bans.edges": "edge outcome reason counts first_gone_at trust_ends_by receipt",
    "bans.edges.receipt": EDGE_RECEIPT,
    "resends": PURGE,
    "resends.edges": EDGE_RECEIPT,
}

AUDIT = {
    "": "codes edges probes served not_proven unproven unreachable disabled",
    "served": "edge code renditions said",
    "unproven": "edge code said purged_again",
    "unreachable": "rome",
}
LOG_AUDIT = {
    "": "leaves checkpoints signed_leaves compared rows_pruned rows_pruned_until leaves_pruned leaves_erased "
    "rows_before rows_waiting altered findings not_checked",
    "findings": "table row column log database",
}
EDGES = {
    "": "name purge_url public_url token_file enabled instance acknowledged seen_at epoch problem "
    "ca_file certificate_file key_file purger lease"
}
BANS = {"": "id scope subject reason banned_by banned_at lifted_at lifted_by lift_reason"}
EDGE_ACKNOWLEDGEMENT = "edge acknowledged problem"
BAN = {"": "id scope subject images copies acknowledged edges hit", "edges": EDGE_ACKNOWLEDGEMENT}
BAN_LIST = {
    "": "dry_run banned images banned_already without_image malformed refused acknowledged edges",
    "banned": "image owner digest",
    "images": "image owner digest",
    "refused": "line reason",
    "edges": EDGE_ACKNOWLEDGEMENT,
}


def printed(report: object, capsys: pytest.CaptureFixture[str]) -> Any:
    print_json(report)
    return json.loads(capsys.readouterr().out)


def keys(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the keys of each object by its path. Of a list the first object stands for all."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        yield path, " ".join(value)
        for key, part in value.items():
            yield from keys(part, f"{path}.{key}".lstrip("."))


def test_the_keys_of_the_status(capsys: pytest.CaptureFixture[str]) -> None:
    state = FleetState(
        purgers=(PurgerPresence("host", 17, "0.2", TIME, TIME, 0.4),), edges=(EdgeState(name="paris", epoch=TIME),)
    )
    report = printed(status_report(state, [Problem("this", "that")]), capsys)
    assert dict(keys(report)) == STATUS
    assert report["purgers"][0]["seen_at"] == report["edges"][0]["epoch"] == "2026-11-25T01:02:03.456Z"


def test_of_a_database_that_cannot_be_used_nothing_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    report = printed(status_report(FleetState(unusable="2002: no"), []), capsys)
    assert (report["database"], report["edges"], report["ok"]) == (None, [], True)


def test_the_keys_of_receipts(capsys: pytest.CaptureFixture[str]) -> None:
    purge = Purge(id=5, cause="ban", written_at=TIME, batch=3, edges=(EdgeReceipt(edge="paris", method="purge"),))
    ownership = Ownership(owner="anna")
    ban = BanRecord(
        id=1,
        scope=Scope.IMAGE,
        subject="c",
        stands=True,
        left=ownership,
        events=(LogEntry(id=1, action="ban", at=TIME, account="m", purge=5),),
        purges=(purge,),
        erasure=Erasure(begun_at=TIME),
    )
    edges = (KnownEdge(name="paris", added_at=TIME),)
    report = ReceiptsReport(code="c", ownerships=(ownership,), bans=(ban,), resends=(purge,), edges=edges)
    found = printed(receipts_report(report, {}), capsys)
    assert dict(keys(found)) == RECEIPTS
    judged = found["bans"][0]
    assert (judged["scope"], judged["edges"][0]["outcome"], judged["begun"]) == (
        "image",
        "not proven",
        "2026-11-25T01:02:03.456Z",
    )


def test_the_keys_of_an_audit(capsys: pytest.CaptureFixture[str]) -> None:
    result = AuditResult(
        served=[ServedImage("paris", "c", ("original",), "")],
        unproven=[UnprovenImage("paris", "c", "410 for original: no mark", True)],
        unreachable={"rome": "no answer in time"},
    )
    assert dict(keys(printed(result, capsys))) == AUDIT


def test_the_keys_of_an_audit_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    report = AuditReport()
    report.differs("batches", 17, "size", 2, 3)
    assert dict(keys(printed(report, capsys))) == LOG_AUDIT


def test_the_keys_of_lists_of_edges_and_bans(capsys: pytest.CaptureFixture[str]) -> None:
    edge = ListedEdge("paris", "p", "q", "t", True, None, 0, TIME, None, None, None, None, None, None, None)
    assert dict(keys(printed([edge], capsys))) == EDGES
    ban = BanRow(1, "image", "c", "spam", "anna", TIME, None, None, None)
    found = printed([ban], capsys)
    assert dict(keys(found)) == BANS
    assert found[0]["banned_at"] == "2026-11-25T01:02:03.456Z"


def test_the_keys_of_a_ban_and_of_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    edges = [EdgeAcknowledgement("paris", True, None)]
    report = BanReport(id=1, scope=Scope.IMAGE, subject="c", images=1, copies=2, acknowledged=True, edges=edges)
    assert dict(keys(printed(report, capsys))) == BAN
    numbers: dict[str, int] = dict.fromkeys(Scope, 1)
    listed = BanListReport(
        dry_run=True,
        banned=numbers,
        images=numbers,
        banned_already=1,
        without_image=0,
        malformed=1,
        refused=[RefusedLine(1, "it names no subject")],
        acknowledged=True,
        edges=edges,
    )
    assert dict(keys(printed(listed, capsys))) == BAN_LIST
