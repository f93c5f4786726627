"""Checks that a log has only grown: the leaves under an earlier checkpoint are the first ones under a later one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from takedown_log.json_file import ProofError, read_document, read_hashes, write_document, write_hashes
from takedown_log.key_chain import follow_keys
from takedown_log.signed_note import Checkpoint, NoteError, VerifierKey, open_note
from takedown_log.tree import HASH_SIZE, roots_from_consistency

_MEMBERS = {"consistency", "earlier", "keys", "later"}


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
        document: dict[str, Any] = read_document(text, _MEMBERS)
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
    """Check that a log has only grown, by a public key of it. Raises ``ProofError``.

    After a change of keys it must be that of the earlier checkpoint, or one before that.
    """
    try:
        keys = follow_keys(key, growth.keys)
        earlier = Checkpoint.parse(open_note(growth.earlier, keys))
        later = Checkpoint.parse(open_note(growth.later, keys))
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
