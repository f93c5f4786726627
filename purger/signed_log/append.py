"""Puts new leaves in their order and grows the tree by them: decides, and reads and writes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from purger.signed_log.entries import (
    BatchRow,
    EventRow,
    Leaf,
    leaf_of_batch,
    leaf_of_edges,
    leaf_of_event,
    leaf_of_settled,
)
from takedown_log.leaves import parse_canonical
from takedown_log.tree import GrowingTree

#: Kept nodes are those of every fourth level: with them alone a proof reads some 16 nodes a level, and the nodes take a
#: fifteenth of the leaves' rows.
KEPT_LEVELS = 4


@dataclass(frozen=True, slots=True)
class End:
    """The end of the log: its leaves, its peaks, and how far the database's rows are in it."""

    size: int
    peaks: bytes
    batch: int
    event: int
    edges: str  # hash of the list of edges in force, in hex; empty: there is none yet


@dataclass(frozen=True, slots=True)
class Chapter:
    """Leaves to append, with the nodes that become whole by them, and the end of the log after them."""

    leaves: tuple[Leaf, ...]
    nodes: tuple[tuple[int, int, bytes], ...]  # level, position and hash
    end: End
    root: bytes


class EdgeLists:
    """The list of edges in force, to which batches refer, and the leaves by which it changes."""

    def __init__(self, in_force: str, names: Iterable[str]) -> None:
        self.in_force = in_force
        self._names = frozenset(names)

    def change(self, names: frozenset[str], at: datetime) -> list[Leaf]:
        """Return the leaf that makes ``names`` the list in force; none where it is already."""
        if self.in_force and names == self._names:
            return []
        leaf = leaf_of_edges(names, at)
        self.in_force, self._names = leaf.hash().hex(), names
        return [leaf]

    @property
    def names(self) -> frozenset[str]:
        """Return the names in force."""
        return self._names


def write_chapter(
    end: End,
    lists: EdgeLists,
    edges: Iterable[str],
    batches: Sequence[BatchRow],
    digests: Mapping[int, str],
    events: Iterable[EventRow],
    waiting: Sequence[Leaf],
    *,
    event: int,
    now: datetime,
) -> Chapter:
    """Order new leaves: lists of edges, batches with their events, then receipts and probes.

    ``digests`` are those of the batches' rows.

    An edge that has acknowledged something and is gone by now stands in a list of its own before that: whoever checks a
    proof looks for each edge in the list before its receipt. ``event`` is how far events without a purge are in the log
    then.
    """
    current = frozenset(edges)
    heard = frozenset(name for leaf in waiting if (name := _edge(leaf)))
    leaves: list[Leaf] = []
    if heard - current - lists.names:
        leaves += lists.change(current | heard, now)
    elif heard <= current:
        leaves += lists.change(current, now)
    leaves += (leaf_of_batch(each, lists.in_force, digests.get(each.batch)) for each in batches)
    leaves += map(leaf_of_event, events)
    leaves += waiting
    leaves += lists.change(current, now)
    if event > end.event:
        leaves.append(leaf_of_settled(event, now))
    return _grown(end, leaves, batches[-1].batch if batches else end.batch, event, lists.in_force)


def _grown(end: End, leaves: Sequence[Leaf], batch: int, event: int, edges: str) -> Chapter:
    tree = GrowingTree(end.size, [end.peaks[at : at + 32] for at in range(0, len(end.peaks), 32)])
    whole = [node for leaf in leaves for node in tree.append(leaf.hash())]
    nodes = tuple(node for node in whole if node[0] and node[0] % KEPT_LEVELS == 0)
    return Chapter(tuple(leaves), nodes, End(tree.size, b"".join(tree.peaks), batch, event, edges), tree.root())


def _edge(leaf: Leaf) -> str | None:
    edge: Any = parse_canonical(leaf.content).get("edge")
    return edge if isinstance(edge, str) else None
