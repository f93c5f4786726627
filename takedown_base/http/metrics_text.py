"""Renders metrics as Prometheus reads them. Loads prometheus_client, so that only those import it who show metrics."""

import time
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import generate_latest
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from takedown_base.http.status_listener import Page

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

#: Seconds for which the interpreter is left to other threads after each metric: the deliveries come first.
_REST = 0.001


class _One(Collector):
    """A registry of one metric, as ``generate_latest`` wants it."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterator[Metric]:
        """Yield the metric."""
        yield self._metric


def metrics_page(metrics: Iterable[Metric]) -> Page:
    """Render metrics, one after the other, so that the interpreter is never held for all of them."""
    parts = []
    for metric in metrics:
        parts.append(generate_latest(_One(metric)).decode())
        time.sleep(_REST)
    return Page("".join(parts), content_type=_CONTENT_TYPE)


def add_histogram(
    family: HistogramMetricFamily, labels: Sequence[str], bounds: Sequence[float], counts: Sequence[float], total: float
) -> None:
    """Add a histogram: ``counts`` by bucket, one more than there are ``bounds`` (seconds), and the sum of values."""
    buckets, so_far = list[tuple[str, float]](), 0.0
    for bound, count in zip((*map(str, bounds), "+Inf"), counts, strict=True):
        so_far += count
        buckets.append((bound, so_far))
    family.add_metric(labels, buckets, total)
