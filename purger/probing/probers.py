"""Shares the edges among a few probers, so that a slow edge holds up only those that it shares one with."""

from collections import Counter
from collections.abc import Iterable, Sequence

from purger.model import Edge, Row
from purger.probing.prober import Prober
from purger.records.tally import Tally

#: Probers of one purger. Each waits for answers most of the time, and has a connection to the database.
COUNT = 3


class Probers:
    """Gives each edge a prober for as long as it is followed."""

    def __init__(self, probers: Sequence[Prober], tally: Tally) -> None:
        """Take the probers, and let ``tally`` count the probes that wait at all of them."""
        self.threads = tuple(probers)
        self._of: dict[str, Prober] = {}
        tally.probes_waiting = lambda: sum(prober.waiting() for prober in probers)

    def follow(self, edges: Iterable[tuple[Edge, int]]) -> None:
        """Probe only these edges from now on, as ``Prober.follow`` does. A new one goes where the fewest are."""
        followed = list(edges)
        names = {edge.name for edge, _ in followed}
        known = {name: prober for name, prober in self._of.items() if name in names}
        counts = Counter(known.values())
        for name in sorted(names - known.keys()):
            known[name] = min(self.threads, key=lambda prober: counts[prober])
            counts[known[name]] += 1
        self._of = known
        for prober in self.threads:
            prober.follow(each for each in followed if known[each[0].name] is prober)

    def offer(self, edge: Edge, rows: Iterable[Row], *, setbacks: int = 0) -> None:
        """Pass on an offer (``Prober.offer``)."""
        if prober := self._of.get(edge.name):
            prober.offer(edge, rows, setbacks=setbacks)

    def offer_flushed(self, edge: Edge, after: int, last: int, *, setbacks: int = 0) -> None:
        """Pass on an offer (``Prober.offer_flushed``)."""
        if prober := self._of.get(edge.name):
            prober.offer_flushed(edge, after, last, setbacks=setbacks)
