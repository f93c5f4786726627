"""Makes proofs from the signed log in the database: that leaves are in it, and that it has only grown.

A checkpoint signs the root over all leaves up to it. An inclusion proof is the path from one leaf to that root, a
consistency proof the hashes by which an earlier root leads to a later one; ``takedown_log`` has the mathematics and
checks both. Here the nodes of the tree are read from the database (it keeps every fourth level, and makes the others
from these), the leaves about one subject are chosen, and each proof is verified before anybody gets it. If it does not
hold, the database no longer has what was signed, and the error says so.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self

from purger.signed_log.append import KEPT_LEVELS
from purger.signed_log.entries import Leaf, utc_text
from purger.signed_log.keys import ForeignKeyError, last_key, read_notes
from takedown_base.scope import Scope
from takedown_db.connection.lasting_connection import Connection
from takedown_log.findings import find
from takedown_log.leaves import parse_canonical
from takedown_log.proof import Growth, Proof, ProofError, ProvenLeaf, sign_proof, verify, verify_growth
from takedown_log.signed_note import Checkpoint, NoteError, SignerKey, VerifierKey, all_keys, open_note
from takedown_log.tree import GrowingTree, consistency_proof, inclusion_proof


class NoStateError(Exception):
    """The log has no signed state, or none that fits a checkpoint. The message has the reason."""


class NothingToProveError(Exception):
    """The log has no checkpoint, or no leaf of this subject. The message says which."""


class StoredNodes:
    """The whole nodes of the log. Each read is one statement, or none for a node that was read before."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._read: dict[tuple[int, int], bytes] = {}

    def read(self, level: int, index: int) -> bytes:
        """Return a whole node's hash. Raises ``LookupError`` if rows of the log are missing."""
        if (level, index) not in self._read:
            self._read[level, index] = self._make(level, index)
        return self._read[level, index]

    def _make(self, level: int, index: int) -> bytes:
        above = level % KEPT_LEVELS
        kept, count = level - above, 1 << above
        names = {"level": kept, "first": index * count, "last": (index + 1) * count - 1}
        rows = self._connection.rows("log_nodes_between" if kept else "log_hashes_between", **names)
        if len(rows) != count:
            raise LookupError(f"{count - len(rows)} hashes of level {kept} from {index * count} on are missing")
        tree = GrowingTree()
        for (node,) in rows:
            tree.append(bytes(node))
        return tree.root()


@dataclass(frozen=True, slots=True)
class SignedState:
    """A signed state of the log, with the keys that the log has had: notes, each by the key before it."""

    note: str
    state: Checkpoint
    keys: tuple[str, ...]


def read_state(connection: Connection, held: str | None = None) -> SignedState:
    """Read the latest state, or the state of a checkpoint that somebody holds. Raises ``NoStateError``."""
    rows = connection.rows("log_checkpoint")
    if not rows:
        raise NoStateError("the log has no checkpoint yet: has `purger run --log-key-file` run?")
    latest = bytes(rows[0][0]).decode()
    notes = read_notes(connection)
    try:
        last_key(notes)
        keys = all_keys(notes)
        state = Checkpoint.parse(open_note(latest, keys))
        if held is None:
            return SignedState(latest, state, tuple(notes))
        own = Checkpoint.parse(open_note(held, keys))
    except (NoteError, ForeignKeyError) as error:
        raise NoStateError(f"no state of this log: {error}") from None
    if own.size > state.size:
        raise NoStateError(
            f"the checkpoint is of {own.size} leaves, and the log has {state.size}: its database went back to an "
            "earlier state (a backup was restored, say), or leaves were removed"
        )
    return SignedState(held, own, tuple(notes))


def prove_growth(connection: Connection, held: str) -> Growth:
    """Prove that the log has only grown since a checkpoint. Raises ``NoStateError``, also if it was rewritten."""
    earlier, later = read_state(connection, held), read_state(connection)
    try:
        path = consistency_proof(earlier.state.size, later.state.size, StoredNodes(connection).read)
        growth = Growth(earlier.note, later.note, later.keys, tuple(path))
        verify_growth(growth, all_keys(later.keys)[0])
    except (LookupError, ProofError, ValueError) as error:
        raise NoStateError(f"this log did not grow out of the checkpoint: {error}") from None
    return growth


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
    chosen = _choose(connection, wanted, size)
    if not chosen:
        raise NothingToProveError(f"the log has nothing on {wanted.text}")
    nodes = StoredNodes(connection)
    try:
        leaves = [
            ProvenLeaf(place, leaf.content, tuple(inclusion_proof(place, size, nodes.read)), leaf.openings)
            for place, leaf in sorted(chosen.items(), key=lambda item: item[0])
        ]
        made_at = utc_text(datetime.now(UTC))
        proof = sign_proof(leaves, signed.note, signed.keys, signer, about=wanted.text, made_at=made_at)
        find(verify(proof, all_keys(signed.keys)[0]))
    except (LookupError, ValueError) as error:
        raise NothingToProveError(f"the database does not hold what was signed: {error}") from None
    return proof


def latest_key(proof: Proof) -> VerifierKey:
    """Return the last of the log's keys with which a proof holds: its checkpoint may be older than the last one."""
    keys = all_keys(proof.keys)
    for key in reversed(keys):
        with suppress(ProofError):
            verify(proof, key)
            return key
    return keys[0]


def _choose(connection: Connection, wanted: Wanted, size: int) -> dict[int, Leaf]:
    """Choose the leaves by their places: acts of moderation, their batches, the edges' receipts and the probes."""
    chosen = _leaves(connection.rows(wanted.statement, **wanted.values, size=size))
    events = [parse_canonical(leaf.content) for leaf in chosen.values()]
    others = {("batch", event["batch"]) for event in events if "batch" in event}
    others |= {("seen", event["row"]) for event in events if "row" in event}
    for _, batch in [each for each in others if each[0] == "batch"]:
        others |= {("acknowledged", last) for (last,) in connection.rows("log_covering_batches", batch=batch)}
    for kind, source in others:
        leaves = _leaves(connection.rows("log_leaves_of", kind=kind, source=source, size=size))
        # With the hash of a batch's rows a reader could find out by trying which other subjects were in it.
        chosen |= {place: replace(leaf, openings={}) for place, leaf in leaves.items()} if kind == "batch" else leaves
    if chosen:
        chosen |= _leaves(connection.rows("log_lists_from", leaf=min(chosen), size=size))
    return chosen


def _leaves(rows: Iterable[tuple[int, bytes | None, bytes | None]]) -> dict[int, Leaf]:
    return {
        place: Leaf.read(bytes(content), bytes(openings) if openings else None)
        for place, content, openings in rows
        if content is not None
    }
