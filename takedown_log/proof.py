"""Checks the two files of a log: a proof of takedowns, and a proof that the log has only grown.

Each needs no database, no network and no trust in whoever made it, except for a public key. A proof of takedowns holds
leaves of the log, each with its path to the root, and three kinds of signed notes: the checkpoint that has the root,
the statement that says which leaves were chosen, and the keys that followed the first one. A receipt has its path to
the root that its leaf holds. Here it is decided whether they are leaves of the log, and receipts of these leaves;
``findings`` decides what they prove. A proof of growth holds two checkpoints, and the hashes that show that the leaves
under the earlier one are the first leaves under the later one.

Both are JSON in one form only, so that no bit of a file can be changed unseen.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Self

from takedown_log.leaves import RECEIPTS, NotCanonicalError, Opening, fault, parse_canonical, whole_receipt
from takedown_log.signed_note import (
    Checkpoint,
    NoteError,
    SignerKey,
    VerifierKey,
    follow_keys,
    named_key,
    open_checkpoint,
    open_note,
)
from takedown_log.tree import HASH_SIZE, leaf_hash, root_from_inclusion, roots_from_consistency


class ProofError(ValueError):
    """A proof that does not hold. The message has the reason."""


def write_document(document: Mapping[str, Any]) -> str:
    """Write a file's text."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_document(text: str, members: Iterable[str]) -> dict[str, Any]:
    """Read a file that has these members and no other. Raises ``ProofError``."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProofError(f"the file is no proof: {error}") from None
    if not isinstance(document, dict) or document.keys() != set(members):
        raise ProofError(f"the file is no proof: its members must be {', '.join(sorted(members))}")
    return document


def write_hashes(hashes: Sequence[bytes]) -> list[str]:
    """Write hashes in base64."""
    return [b64encode(each).decode() for each in hashes]


def read_hashes(texts: Sequence[str]) -> tuple[bytes, ...]:
    """Read hashes in base64. Raises ``ValueError``."""
    return tuple(b64decode(each, validate=True) for each in texts)


#: The first line of a statement.
_STATEMENT = "takedown-log proof v1"

_MEMBERS = {"checkpoint", "keys", "leaves", "statement"}
_LEAF_MEMBERS = {"index", "leaf", "openings", "path"}


@dataclass(frozen=True, slots=True)
class ProvenLeaf:
    """A leaf with its place in the log, from 0, its path to the root, and the values of its commitments.

    A receipt is the same in the tree of its leaf.
    """

    index: int
    leaf: str
    path: tuple[bytes, ...]
    openings: Mapping[str, Opening]
    receipts: tuple["ProvenLeaf", ...] = ()

    @classmethod
    def read(cls, document: Mapping[str, Any], *, receipt: bool = False) -> Self:
        """Read what the file has. Raises ``ProofError`` or another ``ValueError``, or an error of types."""
        if document.keys() - (() if receipt else {"receipts"}) != _LEAF_MEMBERS:
            raise ProofError(f"the file is no proof: a leaf's members must be {', '.join(sorted(_LEAF_MEMBERS))}")
        return cls(
            int(document["index"]),
            str(document["leaf"]),
            read_hashes(document["path"]),
            {name: Opening(str(o["value"]), bytes.fromhex(o["salt"])) for name, o in document["openings"].items()},
            tuple(cls.read(each, receipt=True) for each in document.get("receipts", ())),
        )

    def document(self) -> dict[str, Any]:
        """Return it as the file has it."""
        openings = {name: {"salt": each.salt.hex(), "value": each.value} for name, each in self.openings.items()}
        receipts = {"receipts": [each.document() for each in self.receipts]} if self.receipts else {}
        path = write_hashes(self.path)
        return {"index": self.index, "leaf": self.leaf, "openings": openings, "path": path, **receipts}


def opened(text: str, openings: Mapping[str, Opening]) -> dict[str, str | int | list[str]]:
    """Return the members of a leaf or receipt, with the opened values instead of their commitments.

    A value that was erased is missing. Raises ``ProofError``.
    """
    try:
        members = parse_canonical(text)
    except NotCanonicalError as error:
        raise ProofError(str(error)) from None
    committed = members.pop("committed", [])
    if not isinstance(committed, list):
        raise ProofError("its commitments are no list")
    commitments = dict(entry.partition(":")[::2] for entry in committed)
    for name, opening in openings.items():
        if commitments.get(name) != opening.commitment():
            raise ProofError(f"{name} {opening.value!r} is not the value that it holds")
        members[name] = opening.value
    return members


@dataclass(frozen=True, slots=True)
class Proof:
    """The content of a file."""

    leaves: Sequence[ProvenLeaf]
    checkpoint: str  # a signed note
    statement: str  # a signed note
    keys: Sequence[str]  # signed notes, each of which names the key after the one that signed it

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a file. Raises ``ProofError`` for any other text than ``text()`` makes."""
        document = read_document(text, _MEMBERS)
        try:
            proof = cls._from(document)
        except ProofError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ProofError(f"the file is no proof: {error}") from None
        if proof.text() != text:
            raise ProofError("the file was changed: it is not in the form in which proofs are written")
        return proof

    @classmethod
    def _from(cls, document: Mapping[str, Any]) -> Self:
        leaves = tuple(map(ProvenLeaf.read, document["leaves"]))
        notes = [document["checkpoint"], document["statement"], *document["keys"]]
        if not all(isinstance(note, str) for note in notes):
            raise ProofError("the file is no proof: notes must be strings")
        return cls(leaves, notes[0], notes[1], tuple(notes[2:]))

    def text(self) -> str:
        """Return the file's text."""
        document = {
            "checkpoint": self.checkpoint,
            "keys": list(self.keys),
            "leaves": [leaf.document() for leaf in self.leaves],
            "statement": self.statement,
        }
        return write_document(document)


@dataclass(frozen=True, slots=True)
class VerifiedProof:
    """A proof that holds: the log's state, the signed statement, and the members of leaves and receipts.

    Each has its name, such as ``17`` or ``18, receipt 3``, and they are in the order of the log. A leaf that has
    receipts is not among them.
    """

    checkpoint: Checkpoint
    about: str  # all leaves about it were chosen, says the statement: ``image kX3_vQ``, ``ban 17``
    made_at: str  # when, UTC
    leaves: Mapping[str, Mapping[str, str | int | list[str]]]
    hashes: Mapping[str, str]  # the name of each leaf by its hash, in hex: leaves refer to each other by it


def verify(proof: Proof, key: VerifierKey) -> VerifiedProof:
    """Check a proof against the public key of its log. Raises ``ProofError`` with the reason if it does not hold.

    A key that was replaced is good as well: each key has signed the next.
    """
    try:
        keys = follow_keys(key, proof.keys)
        checkpoint = open_checkpoint(proof.checkpoint, keys)
        statement = open_note(proof.statement, keys)
    except NoteError as error:
        raise ProofError(str(error)) from None
    about, made_at = (statement.split("\n") + [""] * 4)[2:4]
    if statement != _statement(checkpoint.origin, about, made_at, proof):
        raise ProofError("the signed statement speaks of other leaves, or of other keys, than the file has")
    leaves = dict[str, dict[str, Any]]()
    hashes = dict[str, str]()
    _check_order(proof.leaves)
    for leaf in proof.leaves:
        name = str(leaf.index)
        members = _check(leaf, name, checkpoint.size, checkpoint.root)
        hashes[leaf_hash(leaf.leaf.encode()).hex()] = name
        if str(members.get("kind")) in RECEIPTS:
            leaves |= _check_receipts(leaf, members)
        elif leaf.receipts:
            raise ProofError(f"leaf {name} is of a kind without receipts, and has some")
        else:
            leaves[name] = members
    return VerifiedProof(checkpoint, about, made_at, leaves, hashes)


def sign_proof(
    leaves: Sequence[ProvenLeaf],
    checkpoint: str,
    keys: Sequence[str],
    signer: SignerKey,
    *,
    about: str,
    made_at: str,
) -> Proof:
    """Make a proof: sign the statement that at a time (UTC) these were all leaves about it."""
    state = open_checkpoint(checkpoint, [*map(named_key, keys), signer.verifier()])
    unsigned = Proof(tuple(leaves), checkpoint, "", tuple(keys))
    return replace(unsigned, statement=signer.sign(_statement(state.origin, about, made_at, unsigned)))


def _statement(origin: str, about: str, made_at: str, proof: Proof) -> str:
    """Return the text that is signed: it covers all of the file except itself, unused notes of keys included."""
    rest = replace(proof, statement="").text()
    return f"{_STATEMENT}\n{origin}\n{about}\n{made_at}\n{sha256(rest.encode()).hexdigest()}\n"


def _check_order(leaves: Sequence[ProvenLeaf]) -> None:
    places = [each.index for each in leaves]
    if places != sorted(set(places)):
        raise ProofError("the leaves are not in the order of the log")


def _check(leaf: ProvenLeaf, name: str, size: int, root: bytes) -> dict[str, Any]:
    """Return the members of a leaf or receipt that is in the tree of a root. Raises ``ProofError`` for any other."""
    if any(len(node) != HASH_SIZE for node in leaf.path):
        raise ProofError(f"leaf {name}: a hash of its path has another length than {HASH_SIZE} bytes")
    if root_from_inclusion(leaf.index, size, leaf_hash(leaf.leaf.encode()), leaf.path) != root:
        raise ProofError(f"leaf {name} is not in the log, or was changed: its path leads to another root")
    try:
        return opened(leaf.leaf, leaf.openings)
    except ProofError as error:
        raise ProofError(f"leaf {name}: {error}") from None


def _check_receipts(leaf: ProvenLeaf, members: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the members of receipts by their names, with those of their leaf. Raises ``ProofError``."""
    if words := fault(members):
        raise ProofError(f"leaf {leaf.index} is malformed: {words}")
    try:
        root = bytes.fromhex(members["root"])
    except ValueError:
        raise ProofError(f"leaf {leaf.index} is malformed: its root is no hash in hex") from None
    _check_order(leaf.receipts)
    receipts = {}
    for receipt in leaf.receipts:
        name = f"{leaf.index}, receipt {receipt.index}"
        own = _check(receipt, name, members["receipts"], root)
        if words := RECEIPTS[members["kind"]].fault(own):
            raise ProofError(f"leaf {name} is malformed: {words}")
        receipts[name] = whole_receipt(members, own)
    return receipts


_GROWTH_MEMBERS = {"consistency", "earlier", "keys", "later"}


@dataclass(frozen=True, slots=True)
class Growth:
    """The content of a file: two checkpoints, as signed notes, with the proof of consistency between them."""

    earlier: str
    later: str
    keys: Sequence[str]  # signed notes, each of which names the key after the one that signed it
    consistency: Sequence[bytes]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a file. Raises ``ProofError`` for any other text than ``text()`` makes."""
        document: dict[str, Any] = read_document(text, _GROWTH_MEMBERS)
        try:
            growth = cls(
                str(document["earlier"]),
                str(document["later"]),
                tuple(map(str, document["keys"])),
                read_hashes(document["consistency"]),
            )
        except (ValueError, TypeError) as error:
            raise ProofError(f"the file is no proof: {error}") from None
        if growth.text() != text:
            raise ProofError("the file was changed: it is not in the form in which proofs are written")
        return growth

    def text(self) -> str:
        """Return the file's text."""
        return write_document(
            {
                "consistency": write_hashes(self.consistency),
                "earlier": self.earlier,
                "keys": list(self.keys),
                "later": self.later,
            }
        )


@dataclass(frozen=True, slots=True)
class VerifiedGrowth:
    """Two states of a log, of which the later one begins with all leaves of the earlier one."""

    earlier: Checkpoint
    later: Checkpoint


def verify_growth(growth: Growth, key: VerifierKey) -> VerifiedGrowth:
    """Check by a public key of a log that it has only grown. Raises ``ProofError``.

    After a change of keys it must be the key of the earlier checkpoint, or one before it.
    """
    try:
        keys = follow_keys(key, growth.keys)
        earlier, later = open_checkpoint(growth.earlier, keys), open_checkpoint(growth.later, keys)
    except NoteError as error:
        raise ProofError(str(error)) from None
    if earlier.origin != later.origin:
        raise ProofError(f"the checkpoints are of two logs, {earlier.origin} and {later.origin}")
    if any(len(node) != HASH_SIZE for node in growth.consistency):
        raise ProofError(f"a hash has another length than {HASH_SIZE} bytes")
    roots = roots_from_consistency(earlier.size, later.size, earlier.root, growth.consistency)
    if roots != (earlier.root, later.root):
        raise ProofError(
            f"the log was rewritten: its first {earlier.size} leaves are not those of the earlier checkpoint, or the "
            "proof belongs to other checkpoints"
        )
    return VerifiedGrowth(earlier, later)
