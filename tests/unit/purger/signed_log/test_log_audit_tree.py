"""Grow the tree of stored leaves anew: a whole log is clean, and each leaf, node and state that differs is named."""

from dataclasses import replace

import pytest

from purger.signed_log.append import KEPT_LEVELS
from purger.signed_log.audit.report import AuditReport
from purger.signed_log.audit.stored_leaf import StoredLeaf, check_leaf
from purger.signed_log.audit.tree_check import TreeCheck
from purger.signed_log.entries import Leaf, source_of
from takedown_log.leaves import parse_canonical
from takedown_log.signed_note import Checkpoint
from takedown_log.tree import GrowingTree

AT = "2026-11-26T12:00:00.000000Z"
SIZE = 300
_ANOTHER = "log_leaves {}: the log says there is a whole leaf, the database has another: "


class StoredLog:
    """A log of some hundred leaves as the database keeps it."""

    def __init__(self) -> None:
        edges = Leaf.of("edges", at=AT, names=["edge1"])
        listed = edges.hash().hex()
        batches = [
            Leaf.of("batch", batch=batch, identity="i", at=AT, rows=1, edges=listed) for batch in range(1, SIZE - 2)
        ]
        event = Leaf.of("event", event=7, action="ban", scope="image", at=AT, subject="kX3_vQ", reason="spam")
        settled = Leaf.of("settled", event=5, at=AT)
        self.rows = [_stored(place, leaf) for place, leaf in enumerate([edges, *batches, settled, event])]
        tree = GrowingTree()
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.states = []
        for row in self.rows:
            whole = tree.append(row.hash)
            self.nodes |= {(level, at): node for level, at, node in whole if level and level % KEPT_LEVELS == 0}
            if tree.size % 100 == 0:
                self.states.append(Checkpoint("images.example", tree.size, tree.root()))
        self.listed, self.size, self.begun = listed, SIZE, 0
        self.erased: set[int] = set()

    def audit(self) -> list[str]:
        report = AuditReport()
        tree = TreeCheck(report)
        for state in self.states:
            tree.expect("log_checkpoints", state)
        for row in self.rows:
            tree.grow(row, check_leaf(row, self.erased, report))
        tree.compare_nodes(tree.take_nodes(), self.nodes)
        tree.finish(self.size, self.begun)
        return [finding.text() for finding in report.findings] + report.not_checked

    def change(self, place: int, **columns: object) -> None:
        self.rows[place] = self.rows[place]._replace(**columns)  # type: ignore[arg-type]


def _stored(place: int, leaf: Leaf) -> StoredLeaf:
    members = leaf.members()
    return StoredLeaf(place, leaf.hash(), members["kind"], source_of(members), leaf.content.encode(), leaf.kept())


@pytest.fixture
def log() -> StoredLog:
    return StoredLog()


def test_a_whole_log_is_clean(log: StoredLog) -> None:
    assert log.audit() == []


def test_a_content_that_was_altered_is_named_alone(log: StoredLog) -> None:
    content = (log.rows[17].content or b"").replace(b'"rows":1', b'"rows":2')
    log.change(17, content=content)
    (told,) = log.audit()
    assert told.startswith("log_leaves 17, content: the log says ")


def test_a_leaf_that_was_altered_with_its_hash_is_found_by_node_and_state(log: StoredLog) -> None:
    changed = Leaf.of("batch", batch=17, identity="i", at=AT, rows=2, edges=log.listed)
    log.rows[17] = _stored(17, changed)
    told = log.audit()
    assert told[0].startswith(
        "log_checkpoints 100 (a leaf from 0 to 99, or the checkpoint, was altered), root: the log says "
    )
    assert told[1].startswith("log_nodes level 4, position 1 (leaves 16 to 31), hash: the log says ")
    assert len([line for line in told if "log_checkpoints" in line]) == 1


def test_a_state_that_was_altered_is_named_with_the_leaves_since_the_last_good_one(log: StoredLog) -> None:
    log.states[1] = replace(log.states[1], root=bytes(32))
    (told,) = log.audit()
    assert told.startswith("log_checkpoints 200 (a leaf from 100 to 199, or the checkpoint, was altered), root: ")


def test_a_state_of_a_longer_log_is_named(log: StoredLog) -> None:
    log.states.append(replace(log.states[1], size=SIZE + 1))
    assert log.audit() == [
        f"log_checkpoints {SIZE + 1}, size: the log says {SIZE} leaves, the database has a state of more"
    ]


def test_the_end_and_the_beginning_of_the_log_are_as_the_leaves_tell_them(log: StoredLog) -> None:
    log.size, log.begun = SIZE + 1, 3
    assert log.audit() == [
        f"log_state 1, size: the log says {SIZE}, the database {SIZE + 1}",
        "log_state 1, begun: the log says 0, the database 3",
    ]


def test_a_leaf_that_is_missing_ends_the_tree_and_is_named(log: StoredLog) -> None:
    del log.rows[17:19]
    assert log.audit() == [
        "log_leaves 17 to 18: the log says there are such leaves, the database has none",
        "The tree was checked up to the first missing leaf only.",
    ]


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("kind", "event", "log_leaves 17, kind: the log says 'batch', the database 'event'"),
        ("source", 18, "log_leaves 17, source: the log says 17, the database 18"),
        ("source", None, "log_leaves 17, source: the log says 17, the database nothing"),
        *(("openings", value, _ANOTHER.format(17)) for value in (b'{"x": ["y", "00"]}', b"[", b"{}", b"x")),
    ],
)
def test_a_column_beside_the_content_is_compared_with_it(log: StoredLog, column: str, value: object, told: str) -> None:
    log.change(17, **{column: value})
    assert told in " ".join(log.audit())


def test_an_opening_that_does_not_fit_is_named(log: StoredLog) -> None:
    last = SIZE - 1
    log.change(last, openings=(log.rows[last].openings or b"").replace(b"spam", b"spum"))
    (told,) = log.audit()
    assert told.startswith(_ANOTHER.format(last))
    assert "'spum' is not the value" in told


def test_openings_that_are_gone_are_an_alteration_unless_their_erasure_is_on_record(log: StoredLog) -> None:
    last = SIZE - 1
    log.change(last, openings=None)
    words = "the log says there are values, and none was erased, the database has none"
    assert log.audit() == [f"log_leaves {last}, openings: reason, subject: {words}"]
    log.erased = {last}
    assert log.audit() == []


def test_a_pruned_leaf_keeps_the_tree_whole(log: StoredLog) -> None:
    log.change(SIZE - 1, content=None, openings=None)
    log.change(17, content=None)
    assert log.audit() == []


def test_a_batch_that_names_another_list_of_edges_is_named(log: StoredLog) -> None:
    log.rows = [_stored(0, Leaf.of("batch", batch=1, identity="i", at=AT, rows=1, edges="ab"))]
    log.states, log.nodes, log.size = [], {}, 1
    assert log.audit() == ["log_leaves 0, content: edges: the log says the list in force is , the database 'ab'"]


def test_the_number_by_which_a_leaf_is_found_is_that_of_its_kind(log: StoredLog) -> None:
    assert [source_of(parse_canonical((log.rows[at].content or b"").decode())) for at in (0, 17, -1)] == [None, 17, 7]
