"""Describes the kinds of leaves: the members of each, their types, and the values that a leaf only commits to.

A leaf of another kind comes from a later version; whoever reads the log passes it over. Times are texts in UTC, such as
``2026-11-26T12:00:00.000001Z``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Kind:
    """The members of one kind of leaf beside ``kind``, by name, each with its type."""

    required: Mapping[str, type]
    optional: Mapping[str, type] = field(default_factory=dict)
    committed: frozenset[str] = frozenset()  # texts that may be erased later


KINDS: Mapping[str, Kind] = {
    # All edges that are told of bans, whenever that changes. ``names`` stand by the alphabet.
    "edges": Kind({"at": str, "names": list}),
    # A key that signs the log from then on.
    "key": Kind({"at": str, "key": str}),
    # A numbered batch. ``edges`` is the hash of the list in force, and ``purges`` that of its rows, in hex.
    "batch": Kind(
        {"batch": int, "identity": str, "at": str, "rows": int, "edges": str}, committed=frozenset({"purges"})
    ),
    # An act of moderation. ``event`` and ``ban`` are ids of rows, ``row`` is that of the outbox. ``banned_at`` and
    # ``lifted_at`` are the times that moderation wrote beside the ban, after the act or before the ban was deleted.
    "event": Kind(
        {"event": int, "action": str, "scope": str, "at": str},
        {"ban": int, "row": int, "batch": int, "banned_at": str, "lifted_at": str},
        frozenset({"subject", "owner", "account", "banned_by", "reason", "detail"}),
    ),
    # An edge's acknowledgement of the batches from ``first`` to ``last``, by the process ``instance``.
    "acknowledged": Kind({"edge": str, "first": int, "last": int, "method": str, "instance": str, "at": str}),
    # What a request at an edge's public door showed: ``gone`` is yes, no, or missing where it proved nothing.
    "seen": Kind(
        {"edge": str, "row": int, "at": str},
        {"status": int, "gone": str, "looked": int, "images": int, "note": str},
        frozenset({"code"}),
    ),
    # The log has all acts of moderation with ids up to ``event`` that caused no purge.
    "settled": Kind({"event": int, "at": str}),
    # The values ``names`` of the leaf at the place ``leaf`` were erased.
    "erased": Kind({"leaf": int, "names": list, "at": str}),
    # Contents of leaves before the place ``before`` were pruned: their hashes alone are kept.
    "pruned": Kind({"before": int, "at": str}),
}


def fault(members: Mapping[str, Any]) -> str | None:
    """Tell in words what is wrong with a leaf's members, whose values were opened; None if nothing is."""
    kind = KINDS.get(str(members.get("kind")))
    if kind is None:
        return None if isinstance(members.get("kind"), str) else "it has no kind"
    types = {**kind.required, **kind.optional, **dict.fromkeys(kind.committed, str), "kind": str}
    for name, value in members.items():
        if name not in types:
            return f"it has a member {name}, which leaves of kind {members['kind']} have not"
        if not isinstance(value, types[name]):
            return f"its member {name} is no {types[name].__name__}"
    missing = sorted(kind.required.keys() - members.keys())
    return f"it has no member {missing[0]}" if missing else None
