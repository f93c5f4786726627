"""Asks an edge which renditions it knows: it answers for no others, so these are all that it can show."""

import time
from contextlib import closing

from purger.edge_client import EdgeClient
from purger.errors import DeliveryError
from purger.model import Edge
from takedown_db.connection import Connection

#: Seconds to connect, and for the whole request.
_CONNECT, _READ = 1.0, 3.0

#: Seconds for which an answer holds, as an edge may load its VCL anew; and those after one that named none.
_KEPT, _KEPT_UNKNOWN = 60.0, 5.0


def edges_to_probe(connection: Connection) -> list[Edge]:
    """Read all enabled edges, as they are configured. Raises ``DatabaseUnavailableError``."""
    return [Edge(*row[:7]) for row in connection.rows("enabled_edges")]


def ask_renditions(edge: Edge) -> tuple[str, ...] | None:
    """Ask the purge listener of ``edge`` for its renditions besides the original; None: it does not say.

    It does not where the version of its VCL is 0.1, and to somebody who may not read its token.
    """
    with closing(EdgeClient(edge, connect_timeout=_CONNECT, read_timeout=_READ)) as listener:
        try:
            return listener.ask().renditions
        except DeliveryError:
            return None


class KnownRenditions:
    """Remembers for a while which renditions edges know; for one thread."""

    def __init__(self) -> None:
        self._known: dict[Edge, tuple[float, tuple[str, ...] | None]] = {}

    def of(self, edge: Edge) -> tuple[str, ...] | None:
        """Give the answer of ``ask_renditions``, which is asked again when the last one is old."""
        now = time.monotonic()
        until, renditions = self._known.get(edge, (0.0, None))
        if now < until:
            return renditions
        self._known = {each: known for each, known in self._known.items() if now < known[0]}
        renditions = ask_renditions(edge)
        self._known[edge] = (now + (_KEPT_UNKNOWN if renditions is None else _KEPT), renditions)
        return renditions
