"""A small signed log in memory, from which tests make proofs."""

from collections.abc import Iterable

from takedown_log.leaves import Members, Opening, canonical, commit
from takedown_log.proof import Proof, ProvenLeaf, sign_proof
from takedown_log.signed_note import Checkpoint, SignerKey
from takedown_log.tree import GrowingTree, inclusion_proof, leaf_hash

ORIGIN = "images.example/takedowns"
ABOUT = "image kX3_vQ"
MADE_AT = "2026-11-26T12:05:00.000000Z"


class MemoryLog:
    """A log whose leaves, nodes and openings are in memory."""

    def __init__(self, signer: SignerKey | None = None) -> None:
        self.signer = signer or SignerKey.generate(ORIGIN)
        self.leaves: list[str] = []
        self.openings: list[dict[str, Opening]] = []
        self.keys: list[str] = []
        self.about = ABOUT
        self._tree = GrowingTree()
        self._nodes: dict[tuple[int, int], bytes] = {}

    def append(self, members: Members, committed: dict[str, str] | None = None) -> int:
        """Append a leaf; return its index."""
        commitments, openings = commit(committed or {})
        text = canonical({**members, "committed": commitments} if committed else members)
        for level, index, node in self._tree.append(leaf_hash(text.encode())):
            self._nodes[level, index] = node
        self.leaves.append(text)
        self.openings.append(openings)
        return len(self.leaves) - 1

    def checkpoint(self) -> str:
        """Sign the state of the log."""
        return self.signer.sign(Checkpoint(ORIGIN, len(self.leaves), self._tree.root()).text())

    def read(self, level: int, index: int) -> bytes:
        """Return a whole node."""
        return self._nodes[level, index]

    def proven(self, indexes: Iterable[int]) -> list[ProvenLeaf]:
        """Make the proven leaves of indexes."""
        size = len(self.leaves)
        return [
            ProvenLeaf(index, self.leaves[index], tuple(inclusion_proof(index, size, self.read)), self.openings[index])
            for index in indexes
        ]

    def prove(self, *indexes: int) -> Proof:
        """Make a proof of these leaves."""
        return sign_proof(
            self.proven(indexes), self.checkpoint(), self.keys, self.signer, about=self.about, made_at=MADE_AT
        )
