"""Forge leaves of every kind with the purger's own account: the database refuses them, or nobody ever signs them."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace

import mysql.connector
import pytest

from purger.fleet.problems import find_problems
from purger.fleet.state import FleetState
from purger.model import ProbeResult, Receipt
from purger.signed_log.backlog import read_backlog
from purger.signed_log.entries import Leaf, leaves_of_probes, leaves_of_receipts, source_of
from purger.signed_log.keys import LogKey
from purger.signed_log.writer import LogWriter
from stack.databases.database import Database
from takedown_log.leaves import canonical
from takedown_log.signed_note import Checkpoint, SignerKey
from tests.support.log.logged_past import LoggedPast
from tests.support.pages.markdown_pages import ROOT, block

AT = "2026-01-01T00:00:00.000000Z"

#: Leaves that only a trigger, a routine or an administrator may cause.
FORGED = [
    Leaf.of("event", event=1, action="ban", scope="image", at=AT, row=1, batch=1, subject="a1", banned_by="alice"),
    Leaf.of("event", event=99, action="lift", scope="image", at=AT, ban=1, subject="a1", account="alice@host"),
    Leaf.of("batch", batch=1, identity="i", at=AT, rows=1, edges="00"),
    Leaf.of("edges", at=AT, names=["edge1", "edge2", "made-up"]),
    Leaf.of("key", at=AT, key=str(SignerKey.generate("images.example/takedowns").verifier())),
    Leaf.of("settled", event=99, at=AT),
    Leaf.of("erased", leaf=1, names=["reason"], at=AT),
    Leaf.of("pruned", before=3, at=AT),
    Leaf(canonical({"kind": "other", "at": AT}), {}),
]
KINDS = [str(leaf.members()["kind"]) for leaf in FORGED]


@pytest.fixture(scope="module")
def running(database: Database) -> Iterator[LoggedPast]:
    with LoggedPast(database) as past:
        yield past


@pytest.fixture
def past(running: LoggedPast) -> LoggedPast:
    """Begin a new log with a ban that both edges have acknowledged."""
    running.reset()
    running.ban("a1", reason="court order 7")
    running.tell()
    running.write()
    return running


def clean(past: LoggedPast) -> bool:
    report = past.audit()
    assert [finding.text() for finding in report.findings] == []
    return report.not_checked == [] and report.leaves == report.signed_leaves


def wait_for_place(past: LoggedPast, *leaves: Leaf) -> None:
    """Write entries as the recorder does, with the purger's account."""
    for leaf in leaves:
        values = leaf.content.encode(), leaf.kept()
        past.sql("INSERT INTO log_entries (content, openings) VALUES (%s, %s)", *values, by="purger")


@pytest.mark.parametrize("leaf", FORGED, ids=KINDS)
def test_the_database_refuses_an_entry_of_any_other_kind(past: LoggedPast, leaf: Leaf) -> None:
    with pytest.raises(mysql.connector.Error, match="log_entries_content_is_of_its_kind"):
        wait_for_place(past, leaf)
    with pytest.raises(mysql.connector.Error, match="denied"):
        past.sql("INSERT INTO log_entries (content, removal) VALUES (%s, TRUE)", leaf.content.encode(), by="purger")


def test_what_no_edge_can_have_done_never_becomes_a_leaf(past: LoggedPast, caplog: pytest.LogCaptureFixture) -> None:
    size, now = size_of(past), time.time()
    told = [("made-up", 1, 1), ("edge1", 1, 2), ("edge1", 2, 1)]
    for edge, first, last in told:
        # Beside one that is true: a leaf is judged by each of its receipts.
        receipts = [Receipt(each, first, last, "purge", "v1", now) for each in ("edge2", edge)]
        wait_for_place(past, *leaves_of_receipts(receipts))
    for edge, row in (("made-up", 1), ("edge1", 2)):
        wait_for_place(past, *leaves_of_probes([ProbeResult(edge, row, at=now, gone=True)]))
    past.write()
    assert past.sql("SELECT COUNT(*) FROM log_entries") == [(0,)]
    assert size_of(past) == size
    for words in (
        *("there is no edge made-up", "it acknowledges batches 1 to 2 of 1", "it acknowledges batches 2 to 1 of 1"),
        "the outbox has no row 2",
    ):
        assert words in caplog.text
    assert clean(past)


def test_no_receipt_is_moved_to_another_batch_or_added_to_a_leaf(
    past: LoggedPast, caplog: pytest.LogCaptureFixture
) -> None:
    past.ban("a2")
    past.tell()
    past.write()
    size, now = size_of(past), time.time()
    (two,) = leaves_of_receipts([Receipt(edge, 1, 1, "purge", "v1", now) for edge in ("edge1", "edge2")])
    (one,) = leaves_of_receipts([Receipt("edge1", 2, 2, "purge", "v1", now)])
    wait_for_place(past, replace(one, receipts=two.receipts), replace(two, receipts=(*two.receipts, *one.receipts)))
    past.write()
    assert size_of(past) == size
    assert caplog.text.count("its receipts are of another leaf") == 2
    # Also not in the log itself, by whoever may change everything but has no key.
    ((place, content, moved), (other, _, kept)) = past.sql(
        "SELECT leaf, content, openings FROM log_leaves WHERE kind = 'acknowledged' ORDER BY leaf"
    )
    for blob in (kept, replace_first(Leaf.read(bytes(content), bytes(moved)).leaf), b"x"):
        past.sql("UPDATE log_leaves SET openings = %s WHERE leaf = %s", blob, place)
        told = [finding.text() for finding in past.audit().findings]
        assert f"log_leaves {place}: the log says there is a whole leaf, the database has another: " in " ".join(told)
        assert past.prove("a1") is None
    past.sql("UPDATE log_leaves SET openings = %s WHERE leaf = %s", moved, place)
    assert past.tells(past.prove("a1")) == [("ban", ["edge1", "edge2"])]
    assert other > place
    assert clean(past)


def replace_first(leaf: Leaf) -> bytes | None:
    """Leave the first receipt of a leaf out; return what the database keeps."""
    return replace(leaf, receipts=leaf.receipts[1:]).kept()


def test_an_acknowledgement_waits_until_its_batch_is_in_the_log(
    past: LoggedPast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("purger.signed_log.writer._ROWS", 1)
    for code in ("a2", "a3"):
        past.ban(code)
        past.number()
    past.tell()
    while past.writer._append_some():
        pass
    kinds = [kind for (kind,) in past.sql("SELECT kind FROM log_leaves ORDER BY leaf DESC LIMIT 8")]
    assert kinds[:2] == ["seen"] * 2
    assert "acknowledged" not in kinds[3:]
    proof = past.prove("a3")
    assert past.holds(proof)
    assert past.tells(proof) == [("ban", ["edge1", "edge2"])]
    assert clean(past)


@pytest.mark.parametrize("note", ["none", "garbage", "of another key"])
@pytest.mark.parametrize("leaf", FORGED, ids=KINDS)
def test_nobody_signs_what_the_account_appends_by_itself(past: LoggedPast, leaf: Leaf, note: str) -> None:
    size = size_of(past)
    rival = SignerKey.generate("images.example/takedowns")
    state = rival.sign(Checkpoint(rival.name, size + 1, bytes(32)).text()).encode()
    append(past, [leaf], size, size + 1, {"none": None, "garbage": b"note", "of another key": state}[note])
    before = past.sql("SELECT MAX(size) FROM log_checkpoints")
    past.ban("a2")
    past.tell()
    past.write()
    assert past.sql("SELECT MAX(size) FROM log_checkpoints") == before
    assert past.prove("a2") is None
    assert "nobody writes the signed log any more: " in problem_of(past)

    past.sql("CALL cut_log(%s)", size)
    past.write()
    assert past.tells(past.prove("a2")) == [("ban", ["edge1", "edge2"])]
    assert clean(past)


def test_the_account_appends_no_leaf_behind_the_end(past: LoggedPast) -> None:
    size = size_of(past)
    for leaves, new_size in ((FORGED[:1], size), ([], size + 1), (FORGED[2:3], size + 5)):
        with pytest.raises(mysql.connector.Error, match="p_new_size must be"):
            append(past, leaves, size, new_size, b"note")
        past.sql("ROLLBACK", by="purger")
    assert clean(past)


def test_a_signed_state_that_is_gone_ends_the_log_and_is_a_problem(past: LoggedPast) -> None:
    size = size_of(past)
    assert problem_of(past) == ""
    past.sql("DELETE FROM log_checkpoints WHERE size = %s", size)
    assert f"without its key has appended leaves: it has {size}, and " in problem_of(past)


def append(past: LoggedPast, leaves: list[Leaf], size: int, new_size: int, note: bytes | None) -> None:
    """Append leaves with the purger's account, as its log writer does."""
    rows = json.dumps([row_of(leaf) for leaf in leaves])
    past.sql("CALL append_leaves(%s, %s, '[]', '[]', %s, 0, %s)", size, rows, new_size, note, by="purger")


def size_of(past: LoggedPast) -> int:
    return int(past.sql("SELECT size FROM log_state")[0][0])


def problem_of(past: LoggedPast) -> str:
    """Return what `purger status` says of the log."""
    problems = find_problems(FleetState(log=read_backlog(past.connection)))
    return " ".join(each.what for each in problems if "signed log" in each.what)


def row_of(leaf: Leaf) -> list[object]:
    members = leaf.members()
    openings = leaf.kept()
    content, kept = leaf.content.encode().hex(), openings.hex() if openings else None
    return [leaf.hash().hex(), members["kind"], source_of(members), content, kept, members.get("batch")]


def test_a_leaf_that_differs_from_its_row_is_not_proven(past: LoggedPast) -> None:
    past.sql("DROP TRIGGER moderation_log_kept")
    past.sql("UPDATE moderation_log SET banned_by = 'Bob' WHERE subject = 'a1'")
    with pytest.raises(AssertionError):
        past.tells(past.prove("a1"))
    past.sql("UPDATE moderation_log SET banned_by = 'Ann' WHERE subject = 'a1'")
    assert past.tells(past.prove("a1")) == [("ban", ["edge1", "edge2"])]


def test_another_log_begins_as_the_page_says(past: LoggedPast) -> None:
    for line in block(ROOT / "docs/guide/proof.md", "sql", "cut_log(0)").strip().split(";\n"):
        past.sql(line.removesuffix(";"))
    past.signer = SignerKey.generate("images.example/another")
    past.writer = LogWriter(past.connection, past.stop, key=LogKey(past.signer))
    past.write()
    past.ban("a2")
    past.tell()
    past.write()
    assert past.tells(past.prove("a2")) == [("ban", ["edge1", "edge2"])]
    assert clean(past)
