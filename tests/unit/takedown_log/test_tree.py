"""Compare the tree and its proofs with the definitions of RFC 9162, written down as they stand there."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from takedown_log.tree import (
    EMPTY_ROOT,
    GrowingTree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_from_inclusion,
    roots_from_consistency,
)

#: The leaves and roots with which implementations of Certificate Transparency are tested.
LEAVES = [
    *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
    "606162636465666768696a6b6c6d6e6f",
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

MOST = 40


def mth(leaves: Sequence[bytes]) -> bytes:
    """Return MTH of RFC 9162, 2.1.1."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return sha256(b"\x01" + mth(leaves[:half]) + mth(leaves[half:])).digest()


class Log:
    """A log of numbered leaves, with all whole nodes."""

    def __init__(self, size: int) -> None:
        self.leaves = [str(number).encode() for number in range(size)]
        self.tree = GrowingTree()
        self.nodes = {
            (level, index): node for leaf in self.leaves for level, index, node in self.tree.append(leaf_hash(leaf))
        }

    def read(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]


LOG = Log(MOST)
TREE_ROOTS = [mth(LOG.leaves[:size]) for size in range(MOST + 1)]


def test_the_roots_are_those_that_others_compute() -> None:
    tree = GrowingTree()
    assert tree.root() == EMPTY_ROOT
    for leaf, root in zip(LEAVES, ROOTS, strict=True):
        tree.append(leaf_hash(bytes.fromhex(leaf)))
        assert tree.root().hex() == root


def test_a_tree_goes_on_from_its_peaks() -> None:
    grown = GrowingTree()
    for size in range(MOST):
        tree = GrowingTree(size, grown.peaks)
        assert tree.root() == TREE_ROOTS[size]
        grown.append(leaf_hash(LOG.leaves[size]))
        tree.append(leaf_hash(LOG.leaves[size]))
        assert tree.root() == TREE_ROOTS[size + 1]


def test_peaks_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="3 leaves has 2 peaks, not 1"):
        GrowingTree(3, [bytes(32)])


def test_each_leaf_is_proven_in_each_size_and_at_no_other_place() -> None:
    for size in range(1, MOST + 1):
        for index in range(size):
            proof, leaf = inclusion_proof(index, size, LOG.read), leaf_hash(LOG.leaves[index])
            assert root_from_inclusion(index, size, leaf, proof) == TREE_ROOTS[size]
            others = (each for each in range(size) if each != index)
            assert all(root_from_inclusion(each, size, leaf, proof) != TREE_ROOTS[size] for each in others)


def test_each_size_is_proven_to_begin_each_later_one() -> None:
    for size in range(1, MOST + 1):
        for old in range(1, size + 1):
            proof = consistency_proof(old, size, LOG.read)
            assert roots_from_consistency(old, size, TREE_ROOTS[old], proof) == (TREE_ROOTS[old], TREE_ROOTS[size])


@given(st.data(), st.integers(2, MOST))
def test_a_proof_of_inclusion_that_was_changed_does_not_hold(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof, leaf = inclusion_proof(index, size, LOG.read), leaf_hash(LOG.leaves[index])
    changed = data.draw(changes_of(proof))
    assert root_from_inclusion(index, size, leaf, changed) != TREE_ROOTS[size]


@given(st.data(), st.integers(2, MOST))
def test_a_proof_of_consistency_that_was_changed_does_not_hold(data: st.DataObject, size: int) -> None:
    old = data.draw(st.integers(1, size - 1))
    changed = data.draw(changes_of(consistency_proof(old, size, LOG.read)))
    assert roots_from_consistency(old, size, TREE_ROOTS[old], changed) != (TREE_ROOTS[old], TREE_ROOTS[size])


@pytest.mark.parametrize(("old", "size"), [(0, 5), (6, 5), (-1, 5)])
def test_sizes_that_cannot_be_are_refused(old: int, size: int) -> None:
    assert roots_from_consistency(old, size, EMPTY_ROOT, []) is None
    with pytest.raises(ValueError, match="does not come before"):
        consistency_proof(old, size, LOG.read)


@pytest.mark.parametrize("index", [-1, 5])
def test_a_leaf_that_the_log_has_not_is_refused(index: int) -> None:
    assert root_from_inclusion(index, 5, EMPTY_ROOT, []) is None
    with pytest.raises(ValueError, match="is none of a log of 5 leaves"):
        inclusion_proof(index, 5, LOG.read)


def changes_of(proof: list[bytes]) -> st.SearchStrategy[list[bytes]]:
    """Change one bit of a proof, or leave a hash out, or add one, or swap two."""
    bits = st.tuples(st.integers(0, len(proof) - 1), st.integers(0, 255)).map(lambda place: flipped(proof, *place))
    left_out = st.integers(0, len(proof) - 1).map(lambda at: proof[:at] + proof[at + 1 :])
    added = st.integers(0, len(proof)).map(lambda at: [*proof[:at], bytes(32), *proof[at:]])
    return (
        st.one_of(bits, left_out, added, st.permutations(proof).filter(lambda each: each != proof))
        if len(proof) > 1
        else st.one_of(bits, left_out, added)
    )


def flipped(proof: list[bytes], at: int, bit: int) -> list[bytes]:
    changed = bytearray(proof[at])
    changed[bit // 8] ^= 1 << bit % 8
    return [*proof[:at], bytes(changed), *proof[at + 1 :]]
