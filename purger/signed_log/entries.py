"""Makes the leaves of the signed log from the purger's records and from rows of the database."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

from purger.model import ProbeResult, Receipt
from takedown_log.leaves import KINDS, Opening, canonical, commit, fault, parse_canonical
from takedown_log.proof import ProofError, ProvenLeaf
from takedown_log.signed_note import VerifierKey
from takedown_log.tree import leaf_hash

#: The member of each kind that leaves are found by in the database, a number.
_SOURCES = {
    "batch": "batch",
    "event": "event",
    "settled": "event",
    "acknowledged": "last",
    "seen": "row",
    "erased": "leaf",
    "pruned": "before",
}

#: Most bytes of a leaf, and of its openings: in hex they pass through a TEXT of the server.
_LARGEST = 32_000


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf without its place: its text in canonical form, and the openings of its commitments."""

    content: str
    openings: Mapping[str, Opening]

    @classmethod
    def of(cls, kind: str, **members: Any) -> Self:
        """Make a leaf. Members that are None are left out; those that the kind only commits to get a salt."""
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
        """Read a leaf that the purger's account has written, whoever had it. Raises ``ValueError``: what is wrong."""
        if max(len(content), len(openings or b"")) > _LARGEST:
            raise ValueError(f"it has more than {_LARGEST} bytes")
        try:
            leaf = cls.read(content, openings)
            members = ProvenLeaf(-1, leaf.content, (), leaf.openings).members()
        except (ProofError, UnicodeDecodeError, RecursionError):
            raise ValueError("it is no canonical JSON, or its openings do not fit it") from None
        except (ValueError, TypeError, AttributeError):
            raise ValueError("its openings are malformed") from None
        if not re.fullmatch(r"[a-z]{1,16}", str(members.get("kind"))):
            raise ValueError("its kind is not 1 to 16 of a-z")
        if told := fault(members):
            raise ValueError(told)
        return leaf

    def kept_openings(self) -> bytes | None:
        """Return the openings as the database keeps them; None where there are none."""
        if not self.openings:
            return None
        kept = {name: (opening.value, opening.salt.hex()) for name, opening in self.openings.items()}
        return json.dumps(kept, ensure_ascii=False).encode()

    def hash(self) -> bytes:
        """Return the leaf's hash, 32 bytes."""
        return leaf_hash(self.content.encode())

    def index(self) -> tuple[str, int | None]:
        """Return its kind, and the number by which it is found."""
        members = parse_canonical(self.content)
        return str(members["kind"]), source_of(members)

    def batch(self) -> int | None:
        """Return the batch that it names, if it names one."""
        batch = parse_canonical(self.content).get("batch")
        return batch if isinstance(batch, int) else None


def source_of(members: Mapping[str, Any]) -> int | None:
    """Return the number by which a leaf is found in the database; None where it has none."""
    source = members.get(_SOURCES.get(str(members.get("kind")), ""))
    return source if isinstance(source, int) else None


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
    banned_at: datetime | None  # of the ban: after the act, or before its deletion, as the next one
    lifted_at: datetime | None
    batch: int | None


def leaf_of_event(row: EventRow) -> Leaf:
    """Make the leaf of an act of moderation."""
    return Leaf.of(
        "event",
        event=row.id,
        action=row.action,
        scope=row.scope,
        at=utc_text(row.logged_at),
        ban=row.ban_id,
        row=row.invalidation,
        batch=row.batch,
        banned_at=time_text(row.banned_at),
        lifted_at=time_text(row.lifted_at),
        subject=row.subject,
        owner=row.owner,
        account=row.account,
        banned_by=row.banned_by,
        reason=row.reason,
        detail=row.detail,
    )


class BatchRow(NamedTuple):
    """A row of `batches`. Times are UTC."""

    batch: int
    identity: str
    numbered_at: datetime
    size: int


def leaf_of_batch(row: BatchRow, edges: str, purges: str | None) -> Leaf:
    """Make the leaf of a batch, with the hashes of the list of edges in force and of its rows, in hex.

    It only commits to the latter: a batch tells of several subjects, and each can be erased.
    """
    return Leaf.of(
        "batch",
        batch=row.batch,
        identity=row.identity,
        at=utc_text(row.numbered_at),
        rows=row.size,
        edges=edges,
        purges=purges,
    )


def leaf_of_settled(event: int, at: datetime) -> Leaf:
    """Make the leaf that tells up to which id all acts of moderation that caused no purge are in the log."""
    return Leaf.of("settled", event=event, at=utc_text(at))


def leaf_of_edges(names: Iterable[str], at: datetime) -> Leaf:
    """Make the leaf of a list of edges, read at a time (UTC)."""
    return Leaf.of("edges", at=utc_text(at), names=sorted(names))


def leaf_of_key(key: VerifierKey, at: datetime) -> Leaf:
    """Make the leaf of a key that signs the log from a time (UTC) on."""
    return Leaf.of("key", at=utc_text(at), key=str(key))


def leaf_of_receipt(receipt: Receipt) -> Leaf:
    """Make the leaf of an edge's acknowledgement."""
    return Leaf.of(
        "acknowledged",
        edge=receipt.edge,
        first=receipt.first,
        last=receipt.last,
        method=receipt.method,
        instance=receipt.instance,
        at=utc_text(datetime.fromtimestamp(receipt.at, UTC)),
    )


def leaf_of_probe(result: ProbeResult) -> Leaf | None:
    """Make the leaf of a probe; None for one that has not been made."""
    if result.at is None:
        return None
    return Leaf.of(
        "seen",
        edge=result.edge,
        row=result.invalidation,
        at=utc_text(datetime.fromtimestamp(result.at, UTC)),
        status=result.status,
        gone=None if result.gone is None else "yes" if result.gone else "no",
        looked=result.looked,
        images=result.images,
        note=result.note,
        code=result.code,
    )


def leaf_of_erasure(leaf: int, names: Iterable[str], at: datetime) -> Leaf:
    """Make the leaf that tells of an erasure: the values of these names in the leaf at a place, at a time (UTC)."""
    return Leaf.of("erased", at=utc_text(at), leaf=leaf, names=sorted(names))


def utc_text(moment: datetime) -> str:
    """Write a time in UTC as leaves have it, with microseconds."""
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def time_text(moment: datetime | None) -> str | None:
    """Write a time in UTC as leaves have it; None for none."""
    return None if moment is None else utc_text(moment)
