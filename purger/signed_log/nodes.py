"""Reads nodes of the signed log's tree from the database, which keeps those of every fourth level."""

from purger.signed_log.append import KEPT_LEVELS
from takedown_db.connection.lasting_connection import Connection
from takedown_log.growing_tree import GrowingTree


class StoredNodes:
    """The whole nodes of the log. Each read is one statement, or none for a node that was read before."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._read: dict[tuple[int, int], bytes] = {}

    def read(self, level: int, index: int) -> bytes:
        """Return a whole node's hash. Raises ``LookupError`` where rows of the log are missing."""
        if (level, index) not in self._read:
            self._read[level, index] = self._make(level, index)
        return self._read[level, index]

    def _make(self, level: int, index: int) -> bytes:
        above = level % KEPT_LEVELS
        kept, count = level - above, 1 << above
        names = {"level": kept, "first": index * count, "last": (index + 1) * count - 1}
        rows = self._connection.rows("log_nodes_between" if kept else "log_hashes_between", **names)
        if len(rows) != count:
            raise LookupError(f"{count - len(rows)} hashes of level {kept} from {index * count} on are missing")
        tree = GrowingTree()
        for (node,) in rows:
            tree.append(bytes(node))
        return tree.root()
