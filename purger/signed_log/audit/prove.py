"""Makes proofs of takedowns from the signed log in the database.

An inclusion proof is the path from one leaf to the signed root. Here the leaves about one subject are chosen, each is
compared with the row that it was made from, and the proof is verified before anybody gets it. If it does not hold, the
database no longer has what was signed, and the error says so.
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self

from purger.signed_log.audit.row_audit import differing_row
from purger.signed_log.checkpoints import NoStateError, StoredNodes, read_state
from purger.signed_log.entries import Leaf, source_of, utc_text
from purger.signed_log.keys import last_key
from takedown_base.scope import Scope
from takedown_db.connection.lasting_connection import Connection
from takedown_log.findings import find
from takedown_log.proof import Proof, ProofError, ProvenLeaf, sign_proof, verify
from takedown_log.signed_note import SignerKey, VerifierKey, all_keys
from takedown_log.tree import GrowingTree, inclusion_proof

_ALTERED = "the database does not hold what was signed"


class NothingToProveError(Exception):
    """The log has no checkpoint, or no leaf of this subject. The message says which."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The acts of moderation to prove: all acts on a subject, or only those of one ban."""

    text: str  # as the signed statement names it
    statement: str
    values: Mapping[str, str | int]

    @classmethod
    def of_subject(cls, scope: Scope, subject: str) -> Self:
        """Want all acts on a subject."""
        return cls(f"{scope} {subject}", "log_events_of_subject", {"scope": scope, "subject": subject})

    @classmethod
    def of_ban(cls, ban: int) -> Self:
        """Want the acts of one ban by its id, and no other ban of its subject."""
        return cls(f"ban {ban}", "log_events_of_ban", {"ban": ban})


def prove(connection: Connection, wanted: Wanted, signer: SignerKey, held: str | None = None) -> Proof:
    """Make a proof of all that the log has on what is wanted, now or at the state of a checkpoint, a signed note.

    Raises ``NothingToProveError``, also if the database no longer has what was signed.
    """
    try:
        signed = read_state(connection, held)
    except NoStateError as error:
        raise NothingToProveError(str(error)) from None
    last = last_key(list(signed.keys))
    if last != signer.verifier():
        raise NothingToProveError(f"the key in the file is not the log's, which is {last}")
    size = signed.state.size
    try:
        chosen, batches = _choose(connection, wanted, size)
    except ValueError as error:
        raise NothingToProveError(f"{_ALTERED}: {error}") from None
    if not chosen:
        raise NothingToProveError(f"the log has nothing on {wanted.text}")
    compared = {(members["kind"], source_of(members)) for members in (leaf.members() for leaf in chosen.values())}
    if difference := differing_row(connection, sorted((kind, source) for kind, source in compared if source)):
        raise NothingToProveError(f"a leaf and its row differ (`purger audit --log` tells all): {difference}")
    nodes = StoredNodes(connection)
    try:
        leaves = [
            ProvenLeaf(
                *(place, leaf.content, tuple(inclusion_proof(place, size, nodes.read)), leaf.openings),
                _proven_receipts(leaf, batches),
            )
            for place, leaf in sorted(chosen.items(), key=lambda item: item[0])
        ]
        made_at = utc_text(datetime.now(UTC))
        proof = sign_proof(leaves, signed.note, signed.keys, signer, about=wanted.text, made_at=made_at)
        find(verify(proof, all_keys(signed.keys)[0]))
    except (LookupError, ValueError) as error:
        raise NothingToProveError(f"{_ALTERED}: {error}") from None
    return proof


def latest_key(proof: Proof) -> VerifierKey:
    """Return the last of the log's keys with which a proof holds: its checkpoint may be older than the last one."""
    keys = all_keys(proof.keys)
    for key in reversed(keys):
        with suppress(ProofError):
            verify(proof, key)
            return key
    return keys[0]


def _choose(connection: Connection, wanted: Wanted, size: int) -> tuple[dict[int, Leaf], set[int]]:
    """Choose leaves by their places: acts of moderation, their batches, what edges told of them. Return the batches."""
    chosen = _leaves(connection.rows(wanted.statement, **wanted.values, size=size))
    events = [leaf.members() for leaf in chosen.values()]
    batches = {event["batch"] for event in events if "batch" in event}
    others = {("batch", batch) for batch in batches}
    others |= {("seen", event["row"]) for event in events if "row" in event}
    for batch in batches:
        others |= {("acknowledged", last) for (last,) in connection.rows("log_covering_batches", batch=batch)}
    for kind, source in others:
        leaves = _leaves(connection.rows("log_leaves_of", kind=kind, source=source, size=size))
        # With the hash of a batch's rows a reader could find out by trying which other subjects were in it.
        chosen |= {place: replace(leaf, openings={}) for place, leaf in leaves.items()} if kind == "batch" else leaves
    if chosen:
        chosen |= _leaves(connection.rows("log_lists_from", leaf=min(chosen), size=size))
    return chosen, batches


def _proven_receipts(leaf: Leaf, batches: Collection[int]) -> tuple[ProvenLeaf, ...]:
    """Prove the receipts of a leaf that speak of batches, each by its path to the leaf's root, and all of probes."""
    told = [(place, each, each.members()) for place, each in enumerate(leaf.receipts)]
    last = leaf.members().get("last", 0)
    tree, nodes = GrowingTree(), dict[tuple[int, int], bytes]()
    for each in leaf.receipts:
        nodes |= {(level, index): node for level, index, node in tree.append(each.hash())}
    return tuple(
        ProvenLeaf(
            place, each.content, tuple(inclusion_proof(place, tree.size, lambda *node: nodes[node])), each.openings
        )
        for place, each, members in told
        if "first" not in members or any(members["first"] <= batch <= last for batch in batches)
    )


def _leaves(rows: Iterable[tuple[int, bytes | None, bytes | None]]) -> dict[int, Leaf]:
    """Read leaves by their places. Raises ``ValueError`` for one that is malformed."""
    kept = ((place, content, openings) for place, content, openings in rows if content is not None)
    return {
        place: Leaf.read(bytes(content), bytes(openings) if openings else None).leaf
        for place, content, openings in kept
    }
