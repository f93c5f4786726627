"""Makes metrics of what the processes of ``origin serve`` have counted, and runs the process that shows them."""

import os
import socket
from collections.abc import Callable, Iterator
from importlib.metadata import version

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from origin.metrics_counters import BOUNDS, SharedCounters, Totals
from origin.readiness import Readiness
from origin.settings import Settings
from takedown_base.metrics_text import add_histogram, metrics_page
from takedown_base.signals import STOP_SIGNALS, SignalQueue
from takedown_base.status_listener import StatusListener, health_page


def metrics(totals: Totals) -> Iterator[Metric]:
    """Yield the metrics of all processes together."""
    info = GaugeMetricFamily("takedown_origin_info", "1, with the version as a label.", labels=["version"])
    info.add_metric([version("edge-takedown")], 1)
    yield info
    requests = CounterMetricFamily("takedown_origin_requests", "Requests answered, by status.", labels=["status"])
    for status, count in totals.requests.items():
        requests.add_metric([status], count)
    yield requests
    sent = "Bytes sent in answers, with their heads."
    yield CounterMetricFamily("takedown_origin_sent_bytes", sent, value=totals.sent)
    lookups = HistogramMetricFamily("takedown_origin_lookup_seconds", "Time of a lookup in the database, in seconds.")
    add_histogram(lookups, [], BOUNDS, totals.lookups, totals.lookup_seconds)
    yield lookups
    reads = "Time to open a file in the store and read its first bytes, in seconds."
    store = HistogramMetricFamily("takedown_origin_store_seconds", reads)
    add_histogram(store, [], BOUNDS, totals.reads, totals.read_seconds)
    yield store
    yield GaugeMetricFamily("takedown_origin_processes", "Processes that serve.", value=totals.processes)


def report(
    settings: Settings,
    counters: SharedCounters,
    listening: socket.socket,
    *,
    parent: int,
    ready: Callable[[], object],
) -> None:
    """Show metrics and health until SIGTERM or SIGINT, or until the process ``parent`` has ended.

    Calls ``ready`` once it answers. Raises ``UnusableStoreError``.
    """
    signals = SignalQueue(STOP_SIGNALS)
    readiness = Readiness(settings)

    def problems() -> list[str]:
        return ["no process serves"] if not counters.totals().processes else readiness.problems()

    pages = {
        "/metrics": lambda: metrics_page(metrics(counters.totals())),
        "/healthz": lambda: health_page([]),
        "/readyz": lambda: health_page(problems()),
    }
    StatusListener(listening, pages).start()
    ready()
    while signals.wait(1) is None and os.getppid() == parent:
        pass
