"""Reads the signed states (checkpoints) of the log, and proves that it has only grown since one. Other proofs: `audit`.

A checkpoint signs the root over all leaves up to it. A consistency proof has the hashes by which an earlier root leads
to a later one; ``takedown_log`` has the mathematics and checks it. Here the nodes of the tree are read from the
database, which keeps every fourth level and makes the others from these, and each proof is verified before anybody gets
it.
"""

from dataclasses import dataclass

from purger.signed_log.append import KEPT_LEVELS
from purger.signed_log.keys import ForeignKeyError, last_key, read_notes
from takedown_db.connection.lasting_connection import Connection
from takedown_log.proof import Growth, ProofError, verify_growth
from takedown_log.signed_note import Checkpoint, NoteError, all_keys, open_checkpoint
from takedown_log.tree import GrowingTree, consistency_proof


class NoStateError(Exception):
    """The log has no signed state, or none that fits a checkpoint. The message has the reason."""


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
        state = open_checkpoint(latest, keys)
        if held is None:
            return SignedState(latest, state, tuple(notes))
        own = open_checkpoint(held, keys)
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
