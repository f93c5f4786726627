"""Watch whether edges trust their caches, and judge how long they did not."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import requests

from stack.edges.edge import Edge
from tests.chaos.history import Stall, clock
from tests.chaos.judging.judge import SLACK, Violation, stalled

#: Seconds between two looks at an edge.
_INTERVAL = 0.05


@dataclass(frozen=True, slots=True)
class FailSafe:
    """A time in which an edge was in fail-safe mode."""

    edge: str
    start: float  # when it last trusted its cache
    end: float  # when it was first seen to trust it again, or last seen not to


class TrustWatch(threading.Thread):
    """A thread that asks each edge again and again for its mode."""

    def __init__(self, edges: Sequence[Edge]) -> None:
        super().__init__(name="trust watch", daemon=True)
        self._edges = edges
        self._halt = threading.Event()
        self._lock = threading.Lock()
        self._times: list[FailSafe] = []
        self._trusted: dict[str, float] = {}

    def stop(self) -> None:
        """Let the thread end."""
        self._halt.set()

    def take(self) -> list[FailSafe]:
        """Return the times in fail-safe mode that were seen since the last call."""
        with self._lock:
            times, self._times = self._times, []
        return times

    def run(self) -> None:
        """Look until stopped. An edge that gives no answer is broken by a fault, and tells nothing."""
        for edge in self._edges:
            self._trusted[edge.edge_name] = clock()
        while not self._halt.wait(_INTERVAL):
            for edge in self._edges:
                began = clock()
                try:
                    trusts = edge.trusted()
                except requests.RequestException:
                    continue
                self._note(edge.edge_name, began, trusts=trusts)

    def _note(self, edge: str, at: float, *, trusts: bool) -> None:
        with self._lock:
            since = self._trusted[edge]
            if not trusts:
                self._times = [each for each in self._times if (each.edge, each.start) != (edge, since)]
                self._times.append(FailSafe(edge, since, at))
            else:
                self._trusted[edge] = at


def long_fail_safe(times: Iterable[FailSafe], stalls: Sequence[Stall], longest: float) -> list[Violation]:
    """Return a violation for each time in fail-safe mode that lasted longer than ``longest`` seconds."""
    violations = []
    for each in times:
        seconds = each.end - each.start - stalled(stalls, each.start, each.end)
        if seconds > longest + SLACK:
            text = f"in fail-safe mode for {seconds:.3f} s, and {longest:g} s are the most"
            violations.append(Violation("fail-safe", each.edge, text))
    return violations
