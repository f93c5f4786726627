"""Decides in which order new leaves are appended to the log, and grows the tree by them. It reads and writes nothing.

The order of leaves has a meaning for whoever checks a proof:

- A batch refers to the list of edges in force by the hash of that list's leaf. So a list comes before the batches that
  refer to it, and a change of edges is a new list.
- An edge's acknowledgement is only valid if the latest list before it names the edge. An edge may have acknowledged
  something and be gone by the time that the log is written: then a list that still names it comes first, and a list
  without it comes last.
- Acts of moderation come with the batch that carries their purge, and receipts and probes come after the batches.
- An act that caused no purge belongs to no batch. A leaf of kind ``settled`` says up to which id all of these are in
  the log.

The tree is grown from its peaks, the roots of its whole subtrees, which are at most one for each level.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from purger.signed_log.entries import (
    BatchRow,
    EventRow,
    Leaf,
    leaf_of_batch,
    leaf_of_event,
    utc_text,
)
from takedown_log.signed_note import VerifierKey
from takedown_log.tree import GrowingTree, leaf_hash

#: The database keeps the nodes of every fourth level. With these a proof reads about 16 nodes for each kept level, and
#: there are a fifteenth as many nodes as leaves.
KEPT_LEVELS = 4


class EdgeLists:
    """The list of edges in force, to which batches refer."""

    def __init__(self, last: str | None) -> None:
        """Begin with the last list of the log, a leaf; None: it has none yet."""
        self.in_force = "" if last is None else leaf_hash(last.encode()).hex()
        self.names = frozenset(() if last is None else Leaf(last, {}).members()["names"])

    def change(self, names: frozenset[str], at: datetime) -> list[Leaf]:
        """Make ``names`` the list in force, and return the leaf for it, or no leaf if nothing changed."""
        if self.in_force and names == self.names:
            return []
        leaf = Leaf.of("edges", at=utc_text(at), names=sorted(names))
        self.in_force, self.names = leaf.hash().hex(), names
        return [leaf]


@dataclass(frozen=True, slots=True)
class End:
    """The end of the log, which its key has signed, and up to where the database's rows are in it."""

    tree: GrowingTree
    batch: int  # the last batch
    event: int  # the id up to which acts of moderation without a purge are in the log
    lists: EdgeLists
    keys: tuple[VerifierKey, ...]  # that have no leaf yet


@dataclass(frozen=True, slots=True)
class Appended:
    """New leaves in their order, the nodes of kept levels that they complete, and the end of the log after them."""

    leaves: tuple[Leaf, ...]
    nodes: tuple[tuple[int, int, bytes], ...]  # level, position and hash
    tree: GrowingTree


def append_leaves(
    end: End,
    edges: Iterable[str],
    batches: Sequence[BatchRow],
    hashes: Mapping[int, str],
    events: Iterable[EventRow],
    told: Sequence[Leaf],
    answered: Set[str],
    *,
    event: int,
    now: datetime,
) -> Appended:
    """Order new leaves, and grow the tree by them.

    ``edges`` are the names of the edges that exist now, ``hashes`` those of the rows of each batch, ``told`` the
    leaves of receipts and probes, and ``answered`` whose they are. ``event`` is the id up to which acts without a purge
    are in the log afterwards.
    """
    current, lists = frozenset(edges), end.lists
    leaves = [Leaf.of("key", at=utc_text(now), key=str(key)) for key in end.keys]
    if answered - current - lists.names:
        leaves += lists.change(current | answered, now)
    elif answered <= current:
        leaves += lists.change(current, now)
    leaves += (leaf_of_batch(each, lists.in_force, hashes.get(each.batch)) for each in batches)
    leaves += map(leaf_of_event, events)
    leaves += told
    leaves += lists.change(current, now)
    if event > end.event:
        leaves.append(Leaf.of("settled", event=event, at=utc_text(now)))
    tree = GrowingTree(end.tree.size, end.tree.peaks)
    whole = [node for leaf in leaves for node in tree.append(leaf.hash())]
    nodes = tuple(node for node in whole if node[0] and node[0] % KEPT_LEVELS == 0)
    return Appended(tuple(leaves), nodes, tree)
