"""Grows the tree anew from the stored leaves, and compares nodes, checkpoints and the end of the log with it.

It holds one node for each level, however long the log is.
"""

from collections.abc import Mapping

from purger.signed_log.append import KEPT_LEVELS
from purger.signed_log.audit.report import AuditReport, Words
from purger.signed_log.audit.stored_leaf import TABLE, OpenedLeaf, StoredLeaf
from takedown_log.signed_note import Checkpoint
from takedown_log.tree import GrowingTree


class TreeCheck:
    """The tree of the leaves so far. A leaf that is missing ends the comparison: no later root can be made."""

    def __init__(self, report: AuditReport) -> None:
        self._report = report
        self._tree = GrowingTree()
        self._edges = ""  # hash of the list of edges in force, in hex
        self._first_batch: int | None = None
        self._whole = True
        self._good = 0  # leaves below the last checkpoint that agreed
        self._bad_root = False
        self._whole_nodes: dict[tuple[int, int], bytes] = {}
        self._checkpoints: dict[int, list[tuple[str, Checkpoint]]] = {}

    @property
    def size(self) -> int:
        """Return the number of leaves so far."""
        return self._tree.size

    @property
    def whole(self) -> bool:
        """Tell whether no leaf was missing so far."""
        return self._whole

    def expect(self, table: str, checkpoint: Checkpoint) -> None:
        """Compare a signed state with the tree once it has grown so far, or now if it has."""
        if checkpoint.size == self._tree.size and self._whole:
            self._compare_root(table, checkpoint)
        else:
            self._checkpoints.setdefault(checkpoint.size, []).append((table, checkpoint))

    def grow(self, stored: StoredLeaf, opened: OpenedLeaf) -> None:
        """Add the next leaf."""
        if stored.place != self._tree.size and self._whole:
            missing = f"{self._tree.size} to {stored.place - 1}"
            self._report.differs(TABLE, missing, None, Words("there are such leaves"), Words("has none"))
            self._whole = False
        if not self._whole:
            return
        kept = (node for node in self._tree.append(stored.hash) if node[0] and node[0] % KEPT_LEVELS == 0)
        self._whole_nodes.update(((level, index), node) for level, index, node in kept)
        self._follow(stored, opened)
        for table, checkpoint in self._checkpoints.pop(self._tree.size, ()):
            self._compare_root(table, checkpoint)

    def take_nodes(self) -> Mapping[tuple[int, int], bytes]:
        """Return the nodes of kept levels that became whole since the last call, by level and position."""
        taken, self._whole_nodes = self._whole_nodes, {}
        return taken

    def compare_nodes(self, made: Mapping[tuple[int, int], bytes], stored: Mapping[tuple[int, int], bytes]) -> None:
        """Compare nodes that were made from the leaves with those that are stored."""
        for (level, position), node in made.items():
            found = stored.get((level, position))
            if found != node:
                first, last = position << level, (position + 1 << level) - 1
                key = f"level {level}, position {position} (leaves {first} to {last})"
                self._report.differs(
                    "log_nodes", key, "hash", node.hex(), found.hex() if found else Words("has no such row")
                )

    def finish(self, size: int, begun: int | None) -> None:
        """Compare the row of `log_state` with the tree, and report signed states beyond it."""
        for longer in sorted(self._checkpoints):
            for table, _ in self._checkpoints[longer]:
                if self._whole:
                    self._report.differs(
                        table, longer, "size", Words(f"{self._tree.size} leaves"), Words("has a state of more")
                    )
        if not self._whole:
            self._report.not_checked.append("The tree was checked up to the first missing leaf only.")
            return
        if self._tree.size != size:
            self._report.differs("log_state", 1, "size", self._tree.size, size)
        if self._first_batch is not None and (begun is None or self._first_batch != begun + 1):
            self._report.differs("log_state", 1, "begun", (self._first_batch or 0) - 1, begun)

    def _follow(self, stored: StoredLeaf, opened: OpenedLeaf) -> None:
        """Follow the list of edges in force, and find the first batch."""
        if stored.kind == "edges":
            self._edges = stored.hash.hex()
        elif stored.kind == "batch":
            self._first_batch = stored.source if self._first_batch is None else self._first_batch
            edges = opened.members.get("edges")
            if not opened.pruned and edges != self._edges:
                self._report.differs(
                    TABLE, stored.place, "content: edges", Words(f"the list in force is {self._edges}"), edges
                )

    def _compare_root(self, table: str, checkpoint: Checkpoint) -> None:
        self._report.checkpoints += 1
        if checkpoint.root == self._tree.root():
            self._good = checkpoint.size
        elif not self._bad_root:  # all later ones differ as well
            self._bad_root = True
            between = f"a leaf from {self._good} to {checkpoint.size - 1}, or the checkpoint, was altered"
            self._report.differs(
                table, f"{checkpoint.size} ({between})", "root", checkpoint.root.hex(), self._tree.root().hex()
            )
