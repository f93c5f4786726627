"""Hashes a log's leaves into one root, grows that tree, and makes and checks its proofs: the Merkle tree of RFC 9162.

A tree of ``size`` leaves has one root. An inclusion proof shows that a leaf is under a root at its index, a consistency
proof that the leaves of an earlier root are the first leaves of a later one. Both are lists of hashes, about two for
each doubling of the log at most. Hashes are SHA-256, 32 bytes each.

A verifier needs ``leaf_hash``, ``root_from_inclusion`` and ``roots_from_consistency``. Whoever keeps the log grows the
tree. A node of level ``l`` and index ``i`` is the root of the ``2**l`` leaves from ``i * 2**l`` on. Only whole nodes
are kept. They never change, so a log that grows adds rows and alters none.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

#: The root of the log without a leaf (RFC 9162, 2.1.1).
EMPTY_ROOT = sha256().digest()

#: Bytes of a hash.
HASH_SIZE = 32


def leaf_hash(content: bytes) -> bytes:
    """Hash the content of a leaf (RFC 9162, 2.1.1). The first byte distinguishes leaves from nodes."""
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


#: Reads the hash of a whole node by level and index. Level 0 are the leaves.
ReadNode = Callable[[int, int], bytes]


class GrowingTree:
    """The peaks of a tree: the roots of its whole subtrees, which are all that its root and its next leaf need."""

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        """Go on from a tree of ``size`` leaves with its ``peaks``, the largest first. Raises ``ValueError``."""
        self.size = size
        self.peaks = list(peaks)
        if len(self.peaks) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} peaks, not {len(self.peaks)}")

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add the hash of a leaf; return the nodes that became whole by it, each with its level and index."""
        whole = [(0, self.size, leaf)]
        level, index, node = 0, self.size, leaf
        while index % 2:
            level, index, node = level + 1, index // 2, node_hash(self.peaks.pop(), node)
            whole.append((level, index, node))
        self.peaks.append(node)
        self.size += 1
        return whole

    def root(self) -> bytes:
        """Return the root of all leaves so far."""
        if not self.peaks:
            return EMPTY_ROOT
        *rest, root = self.peaks
        for peak in reversed(rest):
            root = node_hash(peak, root)
        return root


def stored_tree(size: int, read: ReadNode) -> GrowingTree:
    """Return the tree of the first ``size`` leaves, to go on from it."""
    return GrowingTree(size, [read(level, index) for level, index in _whole_nodes(0, size)])


def inclusion_proof(index: int, size: int, read: ReadNode) -> list[bytes]:
    """Prove that a leaf is at ``index``, from 0, in the log of ``size`` leaves (RFC 9162, 2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is none of a log of {size} leaves")
    return _path(index, 0, size, read)


def consistency_proof(old_size: int, size: int, read: ReadNode) -> list[bytes]:
    """Prove that the first ``old_size`` leaves are the leaves of the earlier log (RFC 9162, 2.1.4.1)."""
    if not 0 < old_size <= size:
        raise ValueError(f"a log of {old_size} leaves does not come before one of {size}")
    return _subproof(old_size, 0, size, True, read)


def _path(index: int, begin: int, end: int, read: ReadNode) -> list[bytes]:
    if end - begin == 1:
        return []
    middle = begin + _left_half(end - begin)
    if index < middle:
        return [*_path(index, begin, middle, read), _root_between(middle, end, read)]
    return [*_path(index, middle, end, read), _root_between(begin, middle, read)]


def _subproof(old: int, begin: int, end: int, known: bool, read: ReadNode) -> list[bytes]:
    """Make SUBPROOF of RFC 9162 for the leaves from ``begin``; ``known``: the earlier root is that of all of them."""
    if old == end:
        return [] if known else [_root_between(begin, end, read)]
    middle = begin + _left_half(end - begin)
    if old <= middle:
        return [*_subproof(old, begin, middle, known, read), _root_between(middle, end, read)]
    return [*_subproof(old, middle, end, False, read), _root_between(begin, middle, read)]


def _left_half(count: int) -> int:
    """Return the largest power of two below ``count``."""
    return 1 << (count - 1).bit_length() - 1


def _root_between(begin: int, end: int, read: ReadNode) -> bytes:
    return GrowingTree(end - begin, [read(level, index) for level, index in _whole_nodes(begin, end)]).root()


def _whole_nodes(begin: int, end: int) -> Iterable[tuple[int, int]]:
    """Yield level and index of the whole nodes that cover leaves, the largest first.

    ``begin`` is a multiple of the largest power of two in the number of leaves, as it is for each half of a tree.
    """
    while begin < end:
        level = (end - begin).bit_length() - 1
        yield level, begin >> level
        begin += 1 << level
