"""Defines what a leaf is: its canonical text, the commitments that hide personal data, and the kinds of leaves.

**Text.** A leaf is canonical JSON (RFC 8785) of strings, integers and lists of strings. Members are sorted by name,
without spaces, in UTF-8. Fractions, booleans, null and objects are not used: a member without a value is left out. So
the same members always have the same bytes, and the same hash.

**Commitments.** A value that may have to be erased later is not in the leaf. The leaf's member ``committed`` has a
salted hash of it instead: SHA-256 of the salt, 16 random bytes, and the value in UTF-8. Value and salt (the *opening*)
are kept beside the leaf. When they are erased, the leaf and its hash stay valid, and without the salt nobody can find
the value by trying names.

**Kinds.** ``KINDS`` has the members of each kind with their types. A leaf of another kind comes from a later version;
whoever reads the log passes it over. Times are texts in UTC, such as ``2026-11-26T12:00:00.000001Z``.

**Receipts.** A thousand edges acknowledge a batch within milliseconds. So a leaf of the kinds ``acknowledged`` and
``seen`` holds many receipts: it has the root of a tree of them, built as that of the log. A receipt is a text like
a leaf, without the members that all of them share (``SHARED``), and is proven by its path to that root.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

#: A leaf's members.
Members = Mapping[str, str | int | Sequence[str]]

#: Largest integer that every reader of JSON keeps exactly (RFC 8785, 3.2.2.3).
_LARGEST = 2**53 - 1


class NotCanonicalError(ValueError):
    """A leaf whose text is not in canonical form, or that has a value of another type. The message says which."""


_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def canonical(members: Members) -> str:
    """Write members in canonical form. Raises ``NotCanonicalError``."""
    for name, value in members.items():
        if not (name.isascii() and name.isidentifier()):
            raise NotCanonicalError(f"a member's name must be letters, digits and _ of ASCII: {name!r}")
        if type(value) is not str:
            _check(name, value)
    text = _ENCODER.encode(members)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NotCanonicalError("a member holds half a character, which UTF-8 has not") from None
    return text


def parse_canonical(text: str) -> dict[str, str | int | list[str]]:
    """Read the members of a leaf. Raises ``NotCanonicalError`` for a text that is not in canonical form."""
    try:
        members = json.loads(text)
    except ValueError as error:
        raise NotCanonicalError(f"the leaf is no JSON: {error}") from None
    except RecursionError:
        raise NotCanonicalError("the leaf is nested too deeply") from None
    if not isinstance(members, dict) or canonical(members) != text:
        raise NotCanonicalError("the leaf is JSON, but not in canonical form")
    return members


def _check(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (str, int, list, tuple)):
        raise NotCanonicalError(f"member {name} is neither a string nor an integer nor a list of strings")
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise NotCanonicalError(f"member {name} is larger than 2**53 - 1")
    if isinstance(value, (list, tuple)) and not all(isinstance(each, str) for each in value):
        raise NotCanonicalError(f"member {name} is a list of something else than strings")


#: Bytes of a salt: too many to try them all.
_SALT_SIZE = 16


@dataclass(frozen=True, slots=True)
class Opening:
    """A value with the salt of its commitment: together they prove that the leaf has this value."""

    value: str
    salt: bytes

    @classmethod
    def of(cls, value: str) -> "Opening":
        """Choose a new salt for a value."""
        return cls(value, secrets.token_bytes(_SALT_SIZE))

    def commitment(self) -> str:
        """Return the commitment that the leaf has, in hex."""
        if len(self.salt) != _SALT_SIZE:
            raise ValueError(f"a salt has {_SALT_SIZE} bytes, not {len(self.salt)}")
        return sha256(self.salt + self.value.encode()).hexdigest()


def commit(values: Mapping[str, str]) -> tuple[list[str], dict[str, Opening]]:
    """Commit to values by their names. Returns the leaf's member ``committed``, and the openings to keep apart."""
    openings = {name: Opening.of(value) for name, value in values.items()}
    return [f"{name}:{openings[name].commitment()}" for name in sorted(openings)], openings


@dataclass(frozen=True, slots=True)
class Kind:
    """The members of one kind of leaf beside ``kind``, by name, each with its type."""

    required: Mapping[str, type]
    optional: Mapping[str, type] = field(default_factory=dict)
    committed: frozenset[str] = frozenset()  # texts that may be erased later

    def fault(self, members: Mapping[str, Any]) -> str | None:
        """Say what is wrong with members, after their values were opened; None if nothing is."""
        types = {**self.required, **self.optional, **dict.fromkeys(self.committed, str)}
        for name, value in members.items():
            if name not in types:
                return f"it has a member {name}, which does not belong to it"
            if type(value) is not types[name]:
                return f"its member {name} is no {types[name].__name__}"
        missing = sorted(self.required.keys() - members.keys())
        return f"it has no member {missing[0]}" if missing else None


KINDS: Mapping[str, Kind] = {
    # All edges to which bans are delivered, whenever that changes. ``names`` are sorted.
    "edges": Kind({"at": str, "names": list}),
    # A key that signs the log from then on.
    "key": Kind({"at": str, "key": str}),
    # A numbered batch. ``edges`` is the hash of the list in force, and ``purges`` the hash of its rows, in hex.
    "batch": Kind(
        {"batch": int, "identity": str, "at": str, "rows": int, "edges": str}, committed=frozenset({"purges"})
    ),
    # An act of moderation. ``event`` and ``ban`` are ids of rows, ``row`` is the id in the outbox. ``banned_at`` and
    # ``lifted_at`` are the times that moderation wrote beside the ban, after the act or before the ban was deleted.
    "event": Kind(
        {"event": int, "action": str, "scope": str, "at": str},
        {"ban": int, "row": int, "batch": int, "banned_at": str, "lifted_at": str},
        frozenset({"subject", "owner", "account", "banned_by", "reason", "lifted_by", "lift_reason", "detail"}),
    ),
    # Acknowledgements of the batches up to ``last``: the first one, how many, their root in hex, and the latest time.
    "acknowledged": Kind({"last": int, "first": int, "receipts": int, "root": str, "at": str}),
    # Answers to probes for the row ``row`` of the outbox, likewise.
    "seen": Kind({"row": int, "receipts": int, "root": str, "at": str}),
    # The log has all acts of moderation with ids up to ``event`` that caused no purge.
    "settled": Kind({"event": int, "at": str}),
    # The values ``names`` of the leaf at the place ``leaf`` were erased.
    "erased": Kind({"leaf": int, "names": list, "at": str}),
    # Contents of leaves before the place ``before`` were pruned: only their hashes are kept.
    "pruned": Kind({"before": int, "at": str}),
}


#: The member that all receipts under a leaf share with it, and by which the database finds the leaf.
SHARED = {"acknowledged": "last", "seen": "row"}

#: The members of each receipt under a leaf, by the leaf's kind.
RECEIPTS: Mapping[str, Kind] = {
    # An edge's acknowledgement of the batches from ``first`` on, by the process ``instance``.
    "acknowledged": Kind({"edge": str, "first": int, "method": str, "instance": str, "at": str}),
    # The answer of an edge's public listener to a probe: ``gone`` is yes, no, or missing if it proved nothing.
    "seen": Kind(
        {"edge": str, "at": str},
        {"status": int, "gone": str, "looked": int, "images": int, "note": str},
        frozenset({"code"}),
    ),
}


def fault(members: Mapping[str, Any]) -> str | None:
    """Say what is wrong with a leaf's members, after its values were opened; None if nothing is."""
    name = members.get("kind")
    if not isinstance(name, str):
        return "it has no kind"
    return KINDS[name].fault({each: members[each] for each in members if each != "kind"}) if name in KINDS else None


def whole_receipt(leaf: Mapping[str, Any], receipt: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a receipt with those that it shares with its leaf."""
    shared = SHARED[leaf["kind"]]
    return {**receipt, "kind": leaf["kind"], shared: leaf[shared]}
