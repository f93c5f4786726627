"""Reads leaves as the database keeps them, and checks each by itself: its hash, its columns and its openings."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from purger.signed_log.audit.report import AuditReport, Words
from purger.signed_log.entries import Leaf, source_of
from takedown_log.tree import leaf_hash

TABLE = "log_leaves"


class StoredLeaf(NamedTuple):
    """A row of `log_leaves`. An entry that waits for its place has the place -1."""

    place: int
    hash: bytes
    kind: str
    source: int | None
    content: bytes | None
    openings: bytes | None


@dataclass(frozen=True, slots=True)
class OpenedLeaf:
    """A leaf with the values of its commitments. ``members`` lacks the values in ``erased``, and all if ``pruned``.

    Each of its receipts is one too, with the members that it shares with its leaf.
    """

    place: int
    kind: str
    source: int | None
    members: Mapping[str, Any]
    erased: frozenset[str] = frozenset()
    pruned: bool = False
    receipts: tuple["OpenedLeaf", ...] = ()
    fault: str = ""  # why it counts as pruned, although it has a content


def open_leaf(stored: StoredLeaf) -> OpenedLeaf:
    """Read a leaf. A malformed one counts as pruned here: ``check_leaf`` reports it."""
    named = stored.place, stored.kind, stored.source
    try:
        leaf, members, told = Leaf.read(stored.content or b"", stored.openings)
    except ValueError as error:
        return OpenedLeaf(*named, {}, pruned=True, fault=str(error))
    pairs = zip(leaf.receipts, told, strict=True)
    receipts = tuple(OpenedLeaf(*named, own, each.erased()) for each, own in pairs)
    return OpenedLeaf(*named, members, leaf.erased(), receipts=receipts)


def check_leaf(stored: StoredLeaf, erased: Collection[int], report: AuditReport) -> OpenedLeaf:
    """Check a leaf by itself, and return it. ``erased`` are the places of leaves that may lack openings."""
    opened = open_leaf(stored)
    if stored.content is None:
        if stored.openings is not None:
            report.differs(TABLE, stored.place, "openings", Words("the leaf was pruned"), Words("has them"))
        return opened
    if leaf_hash(stored.content) != stored.hash:
        report.differs(TABLE, stored.place, "content", stored.hash.hex(), leaf_hash(stored.content).hex())
    if opened.pruned:
        report.differs(TABLE, stored.place, None, Words("there is a whole leaf"), Words(f"has another: {opened.fault}"))
        return opened
    kind, source = opened.members["kind"], source_of(opened.members)
    if stored.kind != kind:
        report.differs(TABLE, stored.place, "kind", kind, stored.kind)
    if stored.source != source:
        report.differs(TABLE, stored.place, "source", source, stored.source)
    if opened.erased and stored.place not in erased:
        names = ", ".join(sorted(opened.erased))
        report.differs(
            TABLE, stored.place, f"openings: {names}", Words("there are values, and none was erased"), Words("has none")
        )
    return opened
