"""Knows which edges and renditions to probe, and probes edges for images: the one loop of all probes.

An edge refuses all renditions but those of its own settings, so it can show no others: it is asked for their names. An
edge that does not tell is probed for the renditions that have rows in the database.
"""

import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from typing import NamedTuple

from purger.edge.client import EdgeClient
from purger.edge.errors import DeliveryError
from purger.fleet.edges import followed_edges
from purger.model import Edge
from purger.probing.probe import Probe, ProbeAnswer
from purger.probing.verdict import Verdict
from takedown_db.connection.lasting_connection import Connection

#: Time-out in seconds for the connection, and for the whole request.
_CONNECT_TIMEOUT = 1.0
_READ_TIMEOUT = 3.0

#: Seconds for which an answer is kept, as an edge may load another VCL; and for which one without names is.
_KEPT = 60.0
_KEPT_UNKNOWN = 5.0


class ProbeTarget(NamedTuple):
    """An edge to probe, with the renditions that it knows besides the original; None: it names none."""

    edge: Edge
    renditions: Collection[str] | None


def probe_images(
    connection: Connection, probe: Probe, targets: Iterable[ProbeTarget], codes: Iterable[str]
) -> Iterator[tuple[str, list[tuple[ProbeTarget, ProbeAnswer]]]]:
    """Request each image from each edge, and yield it with the answers. Raises ``DatabaseUnavailableError``.

    An edge that cannot be reached is asked for no further image: each request would wait for the same time-out.
    """
    left = list(targets)
    for code in codes:
        digests = dict(connection.rows("rendition_digests", code=code)) if left else {}
        answers = [(each, probe.request(each.edge.public_url, code, digests, each.renditions)) for each in left]
        left = [target for target, answer in answers if answer.verdict is not Verdict.UNREACHABLE]
        yield code, answers


def edges_to_probe(connection: Connection) -> list[Edge]:
    """Read the settings of all enabled edges. Raises ``DatabaseUnavailableError``."""
    return [each.edge for each in followed_edges(connection)]


def ask_renditions(edge: Edge) -> tuple[str, ...] | None:
    """Ask the purge listener of ``edge`` for its renditions besides the original; return None without an answer.

    Without the edge's token nobody gets an answer.
    """
    with closing(EdgeClient(edge, connect_timeout=_CONNECT_TIMEOUT, read_timeout=_READ_TIMEOUT)) as client:
        try:
            return client.ask().renditions
        except DeliveryError:
            return None


class _Known(NamedTuple):
    """The answer of an edge."""

    until: float  # the moment of the monotonic clock at which it is asked again
    renditions: tuple[str, ...] | None


class KnownRenditions:
    """Remembers the renditions of edges for a while; for one thread."""

    def __init__(self) -> None:
        self._known: dict[Edge, _Known] = {}

    def of(self, edge: Edge) -> tuple[str, ...] | None:
        """Return the answer of ``ask_renditions``; it is asked again when the last answer is old."""
        now = time.monotonic()
        self._known = {each: known for each, known in self._known.items() if now < known.until}
        if edge not in self._known:
            renditions = ask_renditions(edge)
            self._known[edge] = _Known(now + (_KEPT_UNKNOWN if renditions is None else _KEPT), renditions)
        return self._known[edge].renditions
