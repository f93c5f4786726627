"""Hashes a log's leaves into one root, and checks proofs against a root: the Merkle tree of RFC 6962 and RFC 9162.

A tree of ``size`` leaves has one root. An inclusion proof shows that a leaf stands under a root at its index, a
consistency proof that the leaves of an earlier root are the first leaves of a later one. Both are lists of hashes,
about 2 for each doubling of the log at most. Hashes are SHA-256, 32 bytes each.
"""

from collections.abc import Sequence
from hashlib import sha256

#: The root of the log without a leaf (RFC 9162, 2.1.1).
EMPTY_ROOT = sha256().digest()

#: Bytes of a hash.
HASH_SIZE = 32


def leaf_hash(content: bytes) -> bytes:
    """Hash the content of a leaf (RFC 9162, 2.1.1). The first byte tells leaves from nodes."""
    return sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash the two halves below a node (RFC 9162, 2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


def root_from_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes | None:
    """Return the root that an inclusion proof leads to (RFC 9162, 2.1.3.2); None if it has the wrong length.

    ``leaf`` is the leaf's hash, ``index`` its place from 0 in a log of ``size`` leaves.
    """
    if not 0 <= index < size:
        return None
    place, last, root = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return None
        if place % 2 or place == last:
            root = node_hash(sibling, root)
            while place % 2 == 0 and place:  # no sibling on these levels: the tree ends here
                place, last = place // 2, last // 2
        else:
            root = node_hash(root, sibling)
        place, last = place // 2, last // 2
    return root if last == 0 else None


def roots_from_consistency(
    old_size: int, size: int, old_root: bytes, proof: Sequence[bytes]
) -> tuple[bytes, bytes] | None:
    """Return the earlier and the later root that a consistency proof leads to (RFC 9162, 2.1.4.2); None if malformed.

    The proof holds if they are the two roots that were signed for ``old_size`` and ``size`` leaves.
    """
    if not 0 < old_size <= size:
        return None
    if old_size == size:
        return None if proof else (old_root, old_root)
    # The earlier tree is its own first hash where it is a whole half of the later one.
    hashes = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not hashes:
        return None
    place, last = old_size - 1, size - 1
    while place % 2:
        place, last = place // 2, last // 2
    earlier = later = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return None
        if place % 2 or place == last:
            earlier, later = node_hash(sibling, earlier), node_hash(sibling, later)
            while place % 2 == 0 and place:
                place, last = place // 2, last // 2
        else:
            later = node_hash(later, sibling)
        place, last = place // 2, last // 2
    return (earlier, later) if last == 0 else None
