"""Runs the process of ``origin serve`` that shows metrics, health and readiness.

Metrics are what all processes have counted. The origin is ready if a lookup in the database and a question for a file
in each store are answered: whatever they answer.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from origin.answering.lookup import Lookup
from origin.metrics_counters import BOUNDS, SharedCounters, Totals
from origin.model import ORIGINAL, ByteRange, FilePart
from origin.row_checks import MalformedRecordError
from origin.settings import ServeSettings
from origin.stores.backends import UnusableStoreError, require_usable
from origin.stores.contract import StoreAwayError
from origin.stores.store import open_store
from takedown_base.http.metrics_text import add_histogram, metrics_page
from takedown_base.http.status_listener import StatusListener, health_page
from takedown_base.printable import printable
from takedown_base.signals import STOP_SIGNALS, SignalQueue
from takedown_db.connection.errors import DatabaseUnavailableError

#: Seconds for which a result is given to all who ask: the page costs the database a lookup a second at most.
_KEPT = 1.0

#: The code of the lookup, whether or not there is such an image, and the digest of no file.
_CODE = "-"
_DIGEST = "0" * 64


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


class Readiness:
    """The checks of one process. ``problems`` may be called by any thread."""

    def __init__(self, settings: ServeSettings) -> None:
        """Connect at the first check. Raises ``UnusableStoreError``."""
        self._settings = settings
        self._lookup = Lookup(settings.database_url, replica=settings.replica)
        self._store = open_store(settings.store, settings.in_place)
        self._lock = threading.Lock()
        self._checked = float("-inf")
        self._found: list[str] = []

    def problems(self) -> list[str]:
        """List the reasons why images could not be served now. Takes 3 s at most."""
        with self._lock:
            if time.monotonic() - self._checked > _KEPT:
                self._found = [*self._of_database(), *self._of_stores()]
                self._checked = time.monotonic()
            return self._found

    def _of_database(self) -> list[str]:
        try:
            self._lookup.find(_CODE, ORIGINAL, time.monotonic())
        except (DatabaseUnavailableError, MalformedRecordError) as error:
            return [f"database: {printable(error)}"]
        return []

    def _of_stores(self) -> list[str]:
        try:
            require_usable(self._settings.store, self._settings.in_place)
            self._store.size(FilePart(_DIGEST, 0, ByteRange(0, 0)))
            if self._settings.in_place is not None:
                self._store.size(FilePart(_DIGEST, 0, ByteRange(0, 0), path=_DIGEST))
        except (OSError, StoreAwayError, UnusableStoreError) as error:
            return [f"store: {printable(error)}"]
        return []


def report(
    settings: ServeSettings,
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
