"""Counts values in buckets, as a histogram of Prometheus shows them."""

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """Counts values in buckets; for one thread that writes."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0.0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        """Count a value, so many times."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times
