"""Reads the signed states of the log, and proves that it has only grown since one of them."""

from dataclasses import dataclass

from purger.signed_log.log_keys import ForeignKeyError, last_key, read_notes
from purger.signed_log.nodes import StoredNodes
from takedown_db.connection.lasting_connection import Connection
from takedown_log.growing_tree import consistency_proof
from takedown_log.growth import Growth, verify_growth
from takedown_log.json_file import ProofError
from takedown_log.key_chain import all_keys
from takedown_log.signed_note import Checkpoint, NoteError, open_note


class NoStateError(Exception):
    """The log has no signed state, or none that a checkpoint belongs to. The message says why."""


@dataclass(frozen=True, slots=True)
class SignedState:
    """A signed state of the log, with the keys that the log has had: notes, each by the key before it."""

    note: str
    state: Checkpoint
    keys: tuple[str, ...]


def read_state(connection: Connection, held: str | None = None) -> SignedState:
    """Read the latest state, or that of a checkpoint that somebody holds. Raises ``NoStateError``."""
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
    """Prove that the log has only grown since a checkpoint. Raises ``NoStateError``, also where it was rewritten."""
    earlier, later = read_state(connection, held), read_state(connection)
    try:
        path = consistency_proof(earlier.state.size, later.state.size, StoredNodes(connection).read)
        growth = Growth(earlier.note, later.note, later.keys, tuple(path))
        verify_growth(growth, all_keys(later.keys)[0])
    except (LookupError, ProofError, ValueError) as error:
        raise NoStateError(f"this log did not grow out of the checkpoint: {error}") from None
    return growth
