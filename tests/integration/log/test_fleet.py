"""Log what a fleet acknowledges: one leaf for all edges, from which each edge's receipt is proven."""

import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from purger.model import ProbeResult, Receipt
from stack.databases.database import Database
from tests.support.log.logged_past import LoggedPast

EDGES = sorted(f"edge{number}" for number in range(1, 301))


@pytest.fixture(scope="module")
def fleet(database: Database) -> Iterator[LoggedPast]:
    """Begin a log with 300 edges."""
    with LoggedPast(database) as past:
        past.reset()
        insert = "INSERT IGNORE INTO edges (name, purge_url, public_url, token_file) VALUES (%s, 'p', 'q', 't')"
        for edge in EDGES:
            past.sql(insert, edge)
        past.write()
        yield past


def test_what_all_edges_tell_of_a_ban_is_a_leaf_for_acknowledgements_and_one_for_probes(fleet: LoggedPast) -> None:
    fleet.ban("a1")
    fleet.tell(EDGES)
    fleet.write()
    rows = fleet.sql(
        "SELECT kind, LENGTH(content) + LENGTH(openings) FROM log_leaves WHERE kind IN ('acknowledged', 'seen')"
    )
    assert [kind for kind, _ in rows] == ["acknowledged", "seen"]
    acknowledged, _ = (size / len(EDGES) for _, size in rows)
    assert acknowledged < 40  # bytes a receipt
    proof = fleet.prove("a1")
    assert fleet.tells(proof) == [("ban", EDGES)]
    assert fleet.holds(proof)
    assert fleet.audit().altered == 0


def test_receipts_that_wait_are_placed_in_rounds_with_short_rests(
    fleet: LoggedPast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("purger.signed_log.waiting._RECEIPTS", len(EDGES))
    for code in ("b1", "b2", "b3"):
        fleet.ban(code)
        fleet.tell(EDGES)
    waits, rests = [], []
    while fleet.sql("SELECT COUNT(*) FROM log_entries") != [(0,)]:
        began = time.monotonic()
        rests.append(fleet.writer.work() / (time.monotonic() - began))
        waits.append(len(fleet.sql("SELECT id FROM log_entries")))
    assert len(waits) >= 5
    assert all(later < earlier for earlier, later in pairwise(waits))
    assert max(rests[:-1]) <= 1


def test_an_edge_that_comes_late_has_a_leaf_of_its_own_and_the_first_receipt_counts(fleet: LoggedPast) -> None:
    fleet.ban("c1")
    fleet.tell(EDGES[1:])
    last, now = int(fleet.sql("SELECT last_batch FROM numbering")[0][0]), time.time()
    ((row,),) = fleet.sql("SELECT id FROM invalidations WHERE subject = 'c1'")
    fleet.write()
    proof = fleet.prove("c1")
    assert fleet.tells(proof) == [("ban", [edge for edge in EDGES if edge != "edge1"])]
    fleet.record([Receipt("edge1", last, last, "flush", "v1", now)], [ProbeResult("edge1", row, at=now, gone=True)])
    fleet.write()
    proof = fleet.prove("c1")
    assert proof is not None
    assert fleet.tells(proof) == [("ban", EDGES)]
    assert sorted(len(leaf.receipts) for leaf in proof.leaves if leaf.receipts) == [1, 1, 299, 299]
    assert fleet.audit().altered == 0
