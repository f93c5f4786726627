"""Makes the leaves of the signed log from the purger's records and from rows of the database.

``takedown_log.leaves`` defines the kinds of leaves and what a verifier demands of them. Here is the other half: which
columns become which members, for the writer that makes leaves and for the audit that compares them with rows.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import groupby
from typing import Any, NamedTuple, Self

from purger.model import ProbeResult, Receipt
from takedown_log.leaves import KINDS, Opening, canonical, commit, fault, parse_canonical
from takedown_log.proof import ProofError, ProvenLeaf
from takedown_log.signed_note import VerifierKey
from takedown_log.tree import leaf_hash

#: The member of each kind, a number, by which the database finds its leaves.
_SOURCES = {
    "batch": "batch",
    "event": "event",
    "settled": "event",
    "acknowledged": "last",
    "seen": "row",
    "erased": "leaf",
    "pruned": "before",
}

#: Most bytes of a leaf, and of its openings: both pass through a TEXT of the server, in hex.
_LARGEST = 32_000


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf without its place: its text in canonical form, and the openings of its commitments."""

    content: str
    openings: Mapping[str, Opening]

    @classmethod
    def of(cls, kind: str, **members: Any) -> Self:
        """Make a leaf. Members that are None are left out. Of those that may be erased it has only commitments."""
        given = {name: value for name, value in members.items() if value is not None}
        secret = {name: given.pop(name) for name in KINDS[kind].committed & given.keys()}
        commitments, openings = commit(secret)
        committed = {"committed": commitments} if commitments else {}
        return cls(canonical({"kind": kind, **given, **committed}), openings)

    @classmethod
    def read(cls, content: bytes, openings: bytes | None) -> Self:
        """Read a leaf as the database keeps it."""
        values = json.loads(openings) if openings else {}
        return cls(
            content.decode(), {name: Opening(value, bytes.fromhex(salt)) for name, (value, salt) in values.items()}
        )

    @classmethod
    def read_checked(cls, content: bytes, openings: bytes | None) -> Self:
        """Read a leaf that anybody with the purger's account may have written. Raises ``ValueError``: what is wrong."""
        if max(len(content), len(openings or b"")) > _LARGEST:
            raise ValueError(f"it has more than {_LARGEST} bytes")
        try:
            leaf = cls.read(content, openings)
            members = ProvenLeaf(-1, leaf.content, (), leaf.openings).members()
        except (ProofError, UnicodeDecodeError, RecursionError):
            raise ValueError("it is no canonical JSON, or its openings do not fit it") from None
        except (ValueError, TypeError, AttributeError):
            raise ValueError("its openings are malformed") from None
        if wrong := fault(members):
            raise ValueError(wrong)
        return leaf

    def kept_openings(self) -> bytes | None:
        """Return the openings as the database keeps them, or None if the leaf has none."""
        if not self.openings:
            return None
        kept = {name: (opening.value, opening.salt.hex()) for name, opening in self.openings.items()}
        return json.dumps(kept, ensure_ascii=False).encode()

    def hash(self) -> bytes:
        """Return the leaf's hash, 32 bytes."""
        return leaf_hash(self.content.encode())

    def members(self) -> dict[str, Any]:
        """Return its members, without the values of its commitments."""
        return dict(parse_canonical(self.content))


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


def leaf_of_settled(event: int, at: datetime) -> Leaf:
    """Make the leaf that says: all acts of moderation without a purge up to this id are in the log."""
    return Leaf.of("settled", event=event, at=utc_text(at))


def leaf_of_edges(names: Iterable[str], at: datetime) -> Leaf:
    """Make the leaf of a list of edges, read at a time (UTC)."""
    return Leaf.of("edges", at=utc_text(at), names=sorted(names))


def leaf_of_key(key: VerifierKey, at: datetime) -> Leaf:
    """Make the leaf of a key that signs the log from a time (UTC) on."""
    return Leaf.of("key", at=utc_text(at), key=str(key))


def leaf_of_receipt(receipt: Receipt) -> Leaf:
    """Make the leaf of an edge's acknowledgement."""
    names = {name: name for name in RECEIPT_COLUMNS}
    return Leaf.of("acknowledged", edge=receipt.edge, last=receipt.last, **members_of(receipt, names))


def leaf_of_probe(result: ProbeResult) -> Leaf | None:
    """Make the leaf of a probe, or None if it was not made."""
    if result.at is None:
        return None
    names = {name: name for name in PROBE_COLUMNS} | {"looked": "probed"}
    return Leaf.of("seen", edge=result.edge, row=result.invalidation, code=result.code, **members_of(result, names))


def leaf_of_erasure(leaf: int, names: Iterable[str], at: datetime) -> Leaf:
    """Record an erasure in a leaf: at a time (UTC) the values of these names in the leaf at a place were erased."""
    return Leaf.of("erased", at=utc_text(at), leaf=leaf, names=sorted(names))


def utc_text(moment: datetime) -> str:
    """Write a time in UTC as leaves have it, with microseconds."""
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def time_text(moment: datetime | None) -> str | None:
    """Write a time in UTC as leaves have it; None stays None."""
    return None if moment is None else utc_text(moment)
