"""Reads leaves as the database keeps them, and checks each by itself: its hash, its columns and its openings."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from purger.signed_log.audit_report import Report
from purger.signed_log.entries import source_of
from takedown_log.canonical_json import NotCanonicalError, parse_canonical
from takedown_log.commitments import Opening
from takedown_log.leaf_kinds import fault
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
    """A leaf with the values of its commitments. ``members`` lacks the values in ``erased``, and all if ``pruned``."""

    place: int
    kind: str
    source: int | None
    members: Mapping[str, Any]
    erased: frozenset[str] = frozenset()
    pruned: bool = False


def open_leaf(stored: StoredLeaf) -> OpenedLeaf:
    """Read a leaf. One that is malformed counts as pruned here: ``check_leaf`` tells of it."""
    unread = OpenedLeaf(stored.place, stored.kind, stored.source, {}, pruned=True)
    if stored.content is None:
        return unread
    try:
        members: dict[str, Any] = parse_canonical(stored.content.decode())
    except (UnicodeDecodeError, NotCanonicalError):
        return unread
    commitments = _commitments(members.pop("committed", []))
    values = {name: each.value for name, each in (read_openings(stored.openings) or {}).items() if name in commitments}
    opened = {**members, **values}
    if fault(opened):
        return unread
    return OpenedLeaf(stored.place, stored.kind, stored.source, opened, frozenset(commitments.keys() - values.keys()))


def check_leaf(stored: StoredLeaf, erased: Collection[int], report: Report) -> OpenedLeaf:
    """Check a leaf by itself, and return it. ``erased`` are the places of leaves that may lack openings."""
    opened = open_leaf(stored)
    if stored.content is None:
        if stored.openings is not None:
            report.differs(TABLE, stored.place, "openings", "(the leaf was pruned)", "(has them)")
        return opened
    if leaf_hash(stored.content) != stored.hash:
        report.differs(TABLE, stored.place, "content", stored.hash.hex(), leaf_hash(stored.content).hex())
    if opened.pruned:
        report.differs(TABLE, stored.place, "content", "(a leaf is canonical JSON of its kind)", "(has other bytes)")
        return opened
    _check_columns(stored, opened, report)
    _check_openings(stored, opened, erased, report)
    return opened


def read_openings(openings: bytes | None) -> dict[str, Opening] | None:
    """Read a leaf's openings; None where they are malformed."""
    try:
        values = json.loads(openings) if openings is not None else {}
        return {str(name): Opening(str(value), bytes.fromhex(salt)) for name, (value, salt) in values.items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def _check_columns(stored: StoredLeaf, opened: OpenedLeaf, report: Report) -> None:
    kind = str(opened.members.get("kind"))
    if stored.kind != kind:
        report.differs(TABLE, stored.place, "kind", kind, stored.kind)
    if stored.source != source_of(opened.members):
        report.differs(TABLE, stored.place, "source", source_of(opened.members), stored.source)


def _check_openings(stored: StoredLeaf, opened: OpenedLeaf, erased: Collection[int], report: Report) -> None:
    openings = read_openings(stored.openings)
    if openings is None:
        report.differs(TABLE, stored.place, "openings", "(values and salts as JSON)", "(has other bytes)")
        return
    commitments = _commitments(parse_canonical((stored.content or b"").decode()).get("committed", []))
    for name, opening in openings.items():
        if name not in commitments or commitments[name] != _commitment(opening):
            report.differs(TABLE, stored.place, f"openings: {name}", commitments.get(name), opening.value)
    if opened.erased and stored.place not in erased:
        names = ", ".join(sorted(opened.erased))
        report.differs(
            TABLE, stored.place, f"openings: {names}", "(there are values, and none was erased)", "(has none)"
        )


def _commitment(opening: Opening) -> str | None:
    try:
        return opening.commitment()
    except (ValueError, UnicodeEncodeError):
        return None


def _commitments(committed: object) -> dict[str, str]:
    listed = committed if isinstance(committed, list) else []
    return dict(str(entry).partition(":")[::2] for entry in listed)
