"""A small signed log in memory, from which tests make proofs."""

from collections.abc import Iterable, Sequence

from takedown_log.leaves import SHARED, Members, Opening, canonical, commit
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
        self.receipts: list[Sequence[str]] = []
        self.keys: list[str] = []
        self.about = ABOUT
        self._tree = GrowingTree()
        self._nodes: dict[tuple[int, int], bytes] = {}

    def append(self, members: Members, committed: dict[str, str] | None = None) -> int:
        """Append a leaf; return its index. A receipt gets a leaf of its own."""
        if members.get("kind") in SHARED:
            return self.append_receipts(members)
        commitments, openings = commit(committed or {})
        return self.append_text(canonical({**members, "committed": commitments} if committed else members), openings)

    def append_receipts(self, *receipts: Members) -> int:
        """Append the leaf of receipts of one kind, which all have its number; return its index."""
        kind = str(receipts[0]["kind"])
        shared, tree = SHARED[kind], GrowingTree()
        texts = [canonical({name: each[name] for name in each if name not in ("kind", shared)}) for each in receipts]
        for text in texts:
            tree.append(leaf_hash(text.encode()))
        told = {shared: receipts[0][shared], "receipts": tree.size, "root": tree.root().hex()}
        first = {"first": min(int(str(each["first"])) for each in receipts)} if kind == "acknowledged" else {}
        at = max(str(each["at"]) for each in receipts)
        return self.append_text(canonical({"kind": kind, "at": at, **told, **first}), receipts=texts)

    def append_text(self, text: str, openings: dict[str, Opening] | None = None, receipts: Sequence[str] = ()) -> int:
        """Append a leaf as it is, with what it commits to; return its index."""
        for level, index, node in self._tree.append(leaf_hash(text.encode())):
            self._nodes[level, index] = node
        self.leaves.append(text)
        self.openings.append(openings or {})
        self.receipts.append(receipts)
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
            ProvenLeaf(
                *(index, self.leaves[index], tuple(inclusion_proof(index, size, self.read)), self.openings[index]),
                _proven(self.receipts[index]),
            )
            for index in indexes
        ]

    def prove(self, *indexes: int) -> Proof:
        """Make a proof of these leaves."""
        return sign_proof(
            self.proven(indexes), self.checkpoint(), self.keys, self.signer, about=self.about, made_at=MADE_AT
        )


def _proven(receipts: Sequence[str]) -> tuple[ProvenLeaf, ...]:
    tree, nodes = GrowingTree(), dict[tuple[int, int], bytes]()
    for text in receipts:
        nodes |= {(level, index): node for level, index, node in tree.append(leaf_hash(text.encode()))}
    return tuple(
        ProvenLeaf(index, text, tuple(inclusion_proof(index, tree.size, lambda *node: nodes[node])), {})
        for index, text in enumerate(receipts)
    )
