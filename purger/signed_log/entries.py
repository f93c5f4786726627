"""Makes the leaves of the signed log from the purger's records and from rows of the database.

``takedown_log.leaves`` defines the kinds of leaves and what a verifier demands of them. Here is the other half: which
columns become which members, for the writer that makes leaves and for the audit that compares them with rows.
"""

import json
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from itertools import groupby
from typing import Any, NamedTuple, Self

from purger.model import ProbeResult, Receipt
from takedown_log.leaves import (
    KINDS,
    RECEIPTS,
    SHARED,
    Opening,
    canonical,
    commit,
    fault,
    parse_canonical,
    whole_receipt,
)
from takedown_log.proof import ProofError, opened
from takedown_log.tree import GrowingTree, leaf_hash

#: The member of each kind, a number, by which the database finds its leaves.
_SOURCES = {"batch": "batch", "event": "event", "settled": "event", "erased": "leaf", "pruned": "before", **SHARED}

#: Most bytes of receipts, before they are compressed.
_LARGEST_RECEIPTS = 2_000_000

#: Most receipts in a leaf.
_MOST_RECEIPTS = 1000


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf without its place: its text in canonical form, and what it commits to.

    That are openings, or, for the kinds of ``RECEIPTS``, receipts: each a leaf of a smaller tree.
    """

    content: str
    openings: Mapping[str, Opening]
    receipts: tuple["Leaf", ...] = ()

    @classmethod
    def of(cls, kind: str, **members: Any) -> Self:
        """Make a leaf. Members that are None are left out. Of those that may be erased it has only commitments."""
        return cls._of({"kind": kind, **members}, KINDS[kind].committed)

    @classmethod
    def _of(cls, members: Mapping[str, Any], committed: frozenset[str]) -> Self:
        given = {name: value for name, value in members.items() if value is not None}
        secret = {name: given.pop(name) for name in committed & given.keys()}
        commitments, openings = commit(secret) if secret else ([], {})
        return cls(canonical({**given, "committed": commitments} if secret else given), openings)

    @classmethod
    def of_receipts(cls, kind: str, source: int, members: Sequence[Mapping[str, Any]]) -> Self:
        """Make the leaf of receipts with these members, which have in common the member ``SHARED``, ``source``."""
        receipts = tuple(cls._of(each, RECEIPTS[kind].committed) for each in members)
        return cls(_content(kind, source, members, receipts), {}, receipts)

    @classmethod
    def read(cls, content: bytes, kept: bytes | None) -> "ReadLeaf":
        """Read a leaf as the database keeps it, whoever has written it. Raises ``ValueError``: what is wrong."""
        try:
            leaf = cls._read(content.decode(), kept)
            members = opened(leaf.content, leaf.openings)
            receipts = [opened(each.content, each.openings) for each in leaf.receipts]
            if not leaf.receipts and leaf.kept() != kept:
                raise ValueError
        except (ProofError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(f"it is no canonical JSON, or its openings do not fit it: {error}") from None
        except (ValueError, TypeError, AttributeError, zlib.error):
            raise ValueError("its openings or receipts are malformed") from None
        if wrong := fault(members) or _fault_of_receipts(leaf, members, receipts):
            raise ValueError(wrong)
        return ReadLeaf(leaf, members, [whole_receipt(members, each) for each in receipts])

    @classmethod
    def _read(cls, text: str, kept: bytes | None) -> Self:
        if kept is None or kept.startswith(b"{"):
            return cls(text, _openings(json.loads(kept or b"{}")))
        read = zlib.decompressobj()
        receipts = json.loads(read.decompress(kept, _LARGEST_RECEIPTS))
        if read.unconsumed_tail or read.unused_data or not read.eof:
            raise ValueError
        return cls(text, {}, tuple(cls(str(each), _openings(openings)) for each, openings in receipts))

    def kept(self) -> bytes | None:
        """Return its openings or receipts as the database keeps them, or None if it has none."""
        if self.receipts:
            receipts = [(each.content, _kept(each.openings)) for each in self.receipts]
            return zlib.compress(json.dumps(receipts, ensure_ascii=False).encode(), 1)
        return json.dumps(_kept(self.openings), ensure_ascii=False).encode() if self.openings else None

    def opened(self) -> set[str]:
        """Return the names of the values that it has, or one of its receipts."""
        return set(self.openings).union(*(each.openings for each in self.receipts))

    def erased(self) -> frozenset[str]:
        """Return the names of the values that it commits to and lacks, or one of its receipts."""
        committed = {name.partition(":")[0] for name in self.members().get("committed", ())}
        return frozenset(committed - self.openings.keys()).union(*(each.erased() for each in self.receipts))

    def without(self, names: Collection[str]) -> Self:
        """Return it without the values of these names, its receipts likewise."""
        openings = {name: each for name, each in self.openings.items() if name not in names}
        return replace(self, openings=openings, receipts=tuple(each.without(names) for each in self.receipts))

    def hash(self) -> bytes:
        """Return the leaf's hash, 32 bytes."""
        return leaf_hash(self.content.encode())

    def members(self) -> dict[str, Any]:
        """Return its members, without the values of its commitments."""
        return dict(parse_canonical(self.content))


class ReadLeaf(NamedTuple):
    """A leaf with the values of its commitments, and the same of its receipts, with what they share with it."""

    leaf: Leaf
    members: dict[str, Any]
    receipts: list[dict[str, Any]]


def _fault_of_receipts(leaf: Leaf, members: Mapping[str, Any], receipts: Sequence[Mapping[str, Any]]) -> str | None:
    """Say why the receipts of a leaf are not those that it has the root of; None if they are."""
    kind = members["kind"]
    if kind not in RECEIPTS:
        return "a leaf of its kind has no receipts" if receipts else None
    if not 0 < len(receipts) <= _MOST_RECEIPTS:
        return f"it has {len(receipts)} receipts, and may have 1 to {_MOST_RECEIPTS}"
    for place, each in enumerate(receipts):
        if wrong := RECEIPTS[kind].fault(each):
            return f"receipt {place} is malformed: {wrong}"
    same = _content(kind, members[SHARED[kind]], receipts, leaf.receipts) == leaf.content
    return None if same else "its receipts are of another leaf"


def _content(kind: str, source: int, members: Sequence[Mapping[str, Any]], receipts: Sequence[Leaf]) -> str:
    """Write the leaf of receipts, whose members are given too."""
    tree = GrowingTree()
    for each in receipts:
        tree.append(each.hash())
    first = {"first": min(each["first"] for each in members)} if kind == "acknowledged" else {}
    at, root = max(each["at"] for each in members), tree.root().hex()
    return canonical({"kind": kind, SHARED[kind]: source, **first, "receipts": tree.size, "root": root, "at": at})


def _openings(kept: Mapping[str, Sequence[str]]) -> dict[str, Opening]:
    return {name: Opening(value, bytes.fromhex(salt)) for name, (value, salt) in kept.items()}


def _kept(openings: Mapping[str, Opening]) -> dict[str, tuple[str, str]]:
    return {name: (each.value, each.salt.hex()) for name, each in openings.items()}


def source_of(members: Mapping[str, Any]) -> int | None:
    """Return the number by which the database finds a leaf, or None if it has none."""
    source = members.get(_SOURCES.get(str(members.get("kind")), ""))
    return source if isinstance(source, int) else None


#: The members of a leaf that are columns of its row, each with its column. The writer makes leaves by these lists, and
#: the audit compares leaves with rows by them. They lack the key of a row, such as ``edge`` and ``last``.
EVENT_COLUMNS = {
    "action": "action",
    "scope": "scope",
    "at": "logged_at",
    "ban": "ban_id",
    "row": "invalidation",
    "banned_at": "banned_at",
    "lifted_at": "lifted_at",
    "lifted_by": "lifted_by",
    "lift_reason": "lift_reason",
    "subject": "subject",
    "owner": "owner",
    "account": "account",
    "banned_by": "banned_by",
    "reason": "reason",
    "detail": "detail",
}
BATCH_COLUMNS = {"identity": "identity", "at": "numbered_at", "rows": "size"}
RECEIPT_COLUMNS = {"first": "first_batch", "method": "method", "instance": "instance", "at": "acknowledged_at"}
PROBE_COLUMNS = {
    "at": "seen_at",
    "status": "status",
    "gone": "gone",
    "looked": "looked",
    "images": "images",
    "note": "note",
}


def members_of(row: object, fields: Mapping[str, str]) -> dict[str, Any]:
    """Return members of a leaf with their values; ``fields`` has the field of ``row`` for each."""
    return {member: _member(getattr(row, field)) for member, field in fields.items()}


def _member(value: object) -> object:
    """Write a value as leaves have it: a time as text in UTC, a bool as yes or no. A float is seconds since 1970."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return utc_text(datetime.fromtimestamp(value, UTC))
    return utc_text(value) if isinstance(value, datetime) else value


class EventRow(NamedTuple):
    """A row of `moderation_log`, with the batch of the row of the outbox that it has caused. Times are UTC."""

    id: int
    action: str
    ban_id: int | None
    scope: str
    subject: str
    owner: str | None
    reason: str
    banned_by: str
    detail: str | None
    invalidation: int | None
    account: str
    logged_at: datetime
    banned_at: datetime | None  # of the ban after the act, or before its deletion, as all that follows
    lifted_at: datetime | None
    lifted_by: str | None
    lift_reason: str | None
    batch: int | None


def leaf_of_event(row: EventRow) -> Leaf:
    """Make the leaf of an act of moderation."""
    return Leaf.of("event", event=row.id, batch=row.batch, **members_of(row, EVENT_COLUMNS))


class BatchRow(NamedTuple):
    """A row of `batches`. Times are UTC."""

    batch: int
    identity: str
    numbered_at: datetime
    size: int


def leaf_of_batch(row: BatchRow, edges: str, purges: str | None) -> Leaf:
    """Make the leaf of a batch, with the hash of the list of edges in force and the hash of its rows, in hex.

    It only commits to the hash of its rows: they name several subjects, each of which may have to be erased.
    """
    columns = members_of(row, BATCH_COLUMNS)
    return Leaf.of("batch", batch=row.batch, edges=edges, purges=purges, **columns)


class BatchedPurge(NamedTuple):
    """A row of `invalidations` that has its batch. Times are UTC."""

    batch: int
    id: int
    scope: str
    subject: str
    cause: str
    ban_id: int | None
    written_at: datetime | None


def row_hashes(rows: Iterable[BatchedPurge]) -> dict[int, str]:
    """Return one SHA-256 in hex for all rows of each batch; the rows are sorted by batch and id.

    It hashes a JSON array of arrays, without spaces: id, scope, subject, cause, ban (or null) and time of each row.
    """
    hashes = {}
    for batch, purges in groupby(rows, key=lambda row: row.batch):
        listed = [(row.id, row.scope, row.subject, row.cause, row.ban_id, time_text(row.written_at)) for row in purges]
        hashes[batch] = sha256(json.dumps(listed, separators=(",", ":")).encode()).hexdigest()
    return hashes


def leaves_of_receipts(receipts: Iterable[Receipt]) -> Iterator[Leaf]:
    """Make the leaves of acknowledgements: one for those with the same last batch."""
    names = {name: name for name in (*RECEIPT_COLUMNS, "edge")}
    return _leaves("acknowledged", ((each.last, members_of(each, names)) for each in receipts))


def leaves_of_probes(results: Sequence[ProbeResult]) -> Iterator[Leaf]:
    """Make the leaves of probes that were made: one for those of the same row. One that proved nothing has its note."""
    names = {name: name for name in PROBE_COLUMNS} | {"edge": "edge", "looked": "probed"}
    timed = (each if each.at is not None else replace(each, at=each.tried_at) for each in results)
    told = ({**members_of(each, names), "code": each.code or None} for each in timed)
    return _leaves("seen", zip((each.invalidation for each in results), told, strict=True))


def _leaves(kind: str, members: Iterable[tuple[int, Mapping[str, Any]]]) -> Iterator[Leaf]:
    by_source = defaultdict[int, list[Mapping[str, Any]]](list)
    for source, each in members:
        by_source[source].append(each)
    for source, alike in by_source.items():
        for start in range(0, len(alike), _MOST_RECEIPTS):
            yield Leaf.of_receipts(kind, source, alike[start : start + _MOST_RECEIPTS])


def utc_text(moment: datetime) -> str:
    """Write a time in UTC as leaves have it, with microseconds."""
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def time_text(moment: datetime | None) -> str | None:
    """Write a time in UTC as leaves have it; None stays None."""
    return None if moment is None else utc_text(moment)
