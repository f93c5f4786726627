"""Makes proofs: chooses the leaves that speak of one subject, and adds their paths to the root."""

from collections.abc import Iterable
from datetime import UTC, datetime

from purger.signed_log.entries import Leaf, utc_text
from purger.signed_log.nodes import StoredNodes
from takedown_db.lasting_connection import Connection
from takedown_db.scope import Scope
from takedown_log.canonical_json import parse_canonical
from takedown_log.growing_tree import inclusion_proof
from takedown_log.proof import Proof, ProvenLeaf, sign_proof
from takedown_log.signed_note import Checkpoint, SignerKey, open_note


class NothingToProveError(Exception):
    """There is no checkpoint, or no leaf of this subject. The message says which."""


def prove(connection: Connection, scope: Scope, subject: str, signer: SignerKey) -> Proof:
    """Make a proof of all that the log tells of a subject. Raises ``NothingToProveError``."""
    rows = connection.rows("log_checkpoint")
    if not rows:
        raise NothingToProveError("the log has no checkpoint yet: has `purger run --log-key-file` run?")
    note = bytes(rows[0][0]).decode()
    size = Checkpoint.parse(open_note(note, [signer.verifier()])).size
    chosen = _choose(connection, scope, subject, size)
    if not chosen:
        raise NothingToProveError(f"the log tells nothing of {scope} {subject}")
    nodes = StoredNodes(connection)
    leaves = [
        ProvenLeaf(place, leaf.content, tuple(inclusion_proof(place, size, nodes.read)), leaf.openings)
        for place, leaf in sorted(chosen.items(), key=lambda item: item[0])
    ]
    keys = [bytes(each).decode() for (each,) in connection.rows("log_keys")]
    return sign_proof(leaves, note, keys, signer, utc_text(datetime.now(UTC)))


def _choose(connection: Connection, scope: Scope, subject: str, size: int) -> dict[int, Leaf]:
    """Choose the leaves by their places: acts of moderation, their batches, the edges' receipts and the probes."""
    chosen = _leaves(connection.rows("log_events_of_subject", scope=scope, subject=subject, size=size))
    events = [parse_canonical(leaf.content) for leaf in chosen.values()]
    wanted = {("batch", event["batch"]) for event in events if "batch" in event}
    wanted |= {("seen", event["row"]) for event in events if "row" in event}
    for _, batch in [each for each in wanted if each[0] == "batch"]:
        wanted |= {("acknowledged", last) for (last,) in connection.rows("log_covering_batches", batch=batch)}
    for kind, source in wanted:
        chosen |= _leaves(connection.rows("log_leaves_of", kind=kind, source=source, size=size))
    if chosen:
        chosen |= _leaves(connection.rows("log_lists_from", leaf=min(chosen), size=size))
    return chosen


def _leaves(rows: Iterable[tuple[int, bytes | None, bytes | None]]) -> dict[int, Leaf]:
    return {
        place: Leaf.read(bytes(content), bytes(openings) if openings else None)
        for place, content, openings in rows
        if content is not None
    }
