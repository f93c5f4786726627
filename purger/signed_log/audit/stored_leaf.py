"""Reads leaves as the database keeps them, and checks each by itself: its hash, its columns and its openings."""

import json
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from purger.signed_log.audit.report import AuditReport, Words
from purger.signed_log.entries import Leaf, source_of
from takedown_log.leaves import RECEIPTS, NotCanonicalError, Opening, fault, parse_canonical, whole_receipt
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


def open_leaf(stored: StoredLeaf) -> OpenedLeaf:
    """Read a leaf. A malformed one counts as pruned here: ``check_leaf`` reports it."""
    try:
        members = json.loads(stored.content) if stored.content is not None else None
    except (ValueError, RecursionError):
        members = None
    return _opened(stored, members, read_openings(stored.openings) or {})[0]


def check_leaf(stored: StoredLeaf, erased: Collection[int], report: AuditReport) -> OpenedLeaf:
    """Check a leaf by itself, and return it. ``erased`` are the places of leaves that may lack openings."""
    openings = read_openings(stored.openings)
    opened, commitments = _opened(stored, _canonical_members(stored.content), openings or {})
    if stored.content is None:
        if stored.openings is not None:
            report.differs(TABLE, stored.place, "openings", Words("the leaf was pruned"), Words("has them"))
        return opened
    if leaf_hash(stored.content) != stored.hash:
        report.differs(TABLE, stored.place, "content", stored.hash.hex(), leaf_hash(stored.content).hex())
    if opened.pruned:
        report.differs(
            TABLE, stored.place, "content", Words("a leaf is canonical JSON of its kind"), Words("has other bytes")
        )
        return opened
    kind, source = opened.members["kind"], source_of(opened.members)
    if stored.kind != kind:
        report.differs(TABLE, stored.place, "kind", kind, stored.kind)
    if stored.source != source:
        report.differs(TABLE, stored.place, "source", source, stored.source)
    if kind in RECEIPTS:
        _check_receipts(stored, opened.members, report)
    elif openings is None:
        report.differs(TABLE, stored.place, "openings", Words("values and salts as JSON"), Words("has other bytes"))
        return opened
    for name, opening in (openings or {}).items():
        if name not in commitments or commitments[name] != _commitment(opening):
            report.differs(TABLE, stored.place, f"openings: {name}", commitments.get(name), opening.value)
    if opened.erased and stored.place not in erased:
        names = ", ".join(sorted(opened.erased))
        report.differs(
            TABLE, stored.place, f"openings: {names}", Words("there are values, and none was erased"), Words("has none")
        )
    return opened


def _check_receipts(stored: StoredLeaf, members: Mapping[str, Any], report: AuditReport) -> None:
    """Check that the receipts of a leaf are those that it has the root of."""
    try:
        Leaf.read(stored.content or b"", stored.openings).told(members)
    except (ValueError, TypeError, AttributeError, RecursionError, zlib.error) as error:
        report.differs(TABLE, stored.place, "openings", Words("its receipts"), Words(f"has others: {error}"))


def read_openings(openings: bytes | None) -> dict[str, Opening] | None:
    """Read a leaf's openings; None where they are malformed."""
    if openings is None:
        return {}
    try:
        read = {
            str(name): Opening(str(value), bytes.fromhex(salt)) for name, (value, salt) in json.loads(openings).items()
        }
        return read if Leaf("", read).kept() == openings else None
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def _canonical_members(content: bytes | None) -> dict[str, Any] | None:
    try:
        return None if content is None else dict(parse_canonical(content.decode()))
    except (UnicodeDecodeError, NotCanonicalError):
        return None


def _opened(stored: StoredLeaf, members: Any, openings: Mapping[str, Opening]) -> tuple[OpenedLeaf, Mapping[str, str]]:
    """Replace commitments by their values; return the commitments too. ``members``: None for no content."""
    if isinstance(members, dict):
        opened, commitments, erased = _values(members, openings)
        if fault(opened) is None:
            receipts = _receipts(stored, opened)
            erased = erased.union(*(each.erased for each in receipts))
            return OpenedLeaf(stored.place, stored.kind, stored.source, opened, erased, receipts=receipts), commitments
    return OpenedLeaf(stored.place, stored.kind, stored.source, {}, pruned=True), {}


def _values(
    members: dict[str, Any], openings: Mapping[str, Opening]
) -> tuple[dict[str, Any], dict[str, str], frozenset[str]]:
    """Replace the commitments among members by their values; return the commitments, and which have no value."""
    committed = members.pop("committed", [])
    listed = committed if isinstance(committed, list) else []
    commitments = dict(str(entry).partition(":")[::2] for entry in listed)
    values = {name: opening.value for name, opening in openings.items() if name in commitments}
    return {**members, **values}, commitments, frozenset(commitments.keys() - values.keys())


def _receipts(stored: StoredLeaf, members: Mapping[str, Any]) -> tuple[OpenedLeaf, ...]:
    """Read the receipts of a leaf; none where they are malformed."""
    opened = []
    try:
        for each in Leaf.read(stored.content or b"", stored.openings).receipts:
            own, _, erased = _values(each.members(), each.openings)
            whole = whole_receipt(members, own)
            opened.append(OpenedLeaf(stored.place, stored.kind, stored.source, whole, erased))
    except (ValueError, TypeError, AttributeError, RecursionError, zlib.error):
        return ()
    return tuple(opened)


def _commitment(opening: Opening) -> str | None:
    try:
        return opening.commitment()
    except (ValueError, UnicodeEncodeError):
        return None
