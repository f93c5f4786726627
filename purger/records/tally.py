"""Counts what a purger has done since its start: requests to edges, and the findings of probes and audits."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, Self

from purger.edge.errors import DeliveryError

#: The result of a request that the edge has acknowledged. All others are kinds of ``DeliveryError``.
ACKNOWLEDGED = "acknowledged"

#: The methods by which requests are counted, ``flush`` and ``ask`` beside those of HTTP.
METHODS = ("purge", "flush", "heartbeat", "ask")


class DeliveryKey(NamedTuple):
    """The labels of a count of requests."""

    edge: str
    method: str
    result: str


class _Delivery:
    """A request that is counted by its result at the end of a ``with`` block."""

    __slots__ = ("_edge", "_method", "_tally")

    def __init__(self, tally: "Tally", edge: str, method: str) -> None:
        self._tally, self._edge, self._method = tally, edge, method

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        self._tally.count(self._edge, self._method, error.kind if isinstance(error, DeliveryError) else ACKNOWLEDGED)


class Tally:
    """The counts of one process; for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deliveries: dict[DeliveryKey, int] = {}
        self.probes = 0  # answers for banned images that were judged
        self.unproven = 0  # of these, answers that proved nothing
        self.served = 0  # banned images that an edge showed
        self.flushes = Counter[str]()  # by edge, flushes since it showed such an image from its cache
        self.probes_waiting: Callable[[], int] = lambda: 0  # the prober counts them

    def delivery(self, edge: str, method: str) -> _Delivery:
        """Count a request to an edge, made in the block of a ``with``, by its result."""
        return _Delivery(self, edge, method)

    def count(self, edge: str, method: str, result: str) -> None:
        """Count a request to an edge."""
        key = DeliveryKey(edge, method, result)
        with self._lock:
            self._deliveries[key] = self._deliveries.get(key, 0) + 1

    def deliveries(self) -> dict[DeliveryKey, int]:
        """Return all counts of requests."""
        with self._lock:
            return dict(self._deliveries)

    def judged(self, *, probes: int, unproven: int, served: int) -> None:
        """Add the findings of a probe or an audit."""
        with self._lock:
            self.probes += probes
            self.unproven += unproven
            self.served += served
