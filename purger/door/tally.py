"""Counts the door's answers for monitoring, and logs refusals without letting a flood of them fill the log."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # only a door with --metrics loads prometheus_client
    from prometheus_client.core import Metric

log = logging.getLogger(__name__)

#: Upper bounds of the buckets of answering times, in seconds. A wait takes as long as the client asks for.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)

#: Seconds between two lines of the log about refusals of one client with one status.
_QUIET = 10.0

#: Statuses of refusals that an operator may want to know of.
_REFUSALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)


class Tally:
    """The numbers of one door; for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: Counter[tuple[str, int]] = Counter()
        self._takedowns: Counter[tuple[str, str]] = Counter()
        self._times = [0] * (len(BOUNDS) + 1)
        self._seconds = 0.0
        self._refused: dict[tuple[str, int], tuple[float, int]] = {}

    def answered(self, client: str, status: HTTPStatus, seconds: float) -> None:
        """Count an answer to a client, "" for one without a token, which took some seconds."""
        place = sum(bound < seconds for bound in BOUNDS)
        with self._lock:
            self._answers[client, status.value] += 1
            self._times[place] += 1
            self._seconds += seconds
            count = self._refusals(client, status) if status in _REFUSALS else 0
        if count:
            log.warning("refused %d requests of %s: %s", count, client or "nobody known", status.phrase)

    def acted(self, client: str, act: str) -> None:
        """Count a takedown (``ban``), a lift or a purge that a client ordered."""
        with self._lock:
            self._takedowns[client, act] += 1

    def _refusals(self, client: str, status: HTTPStatus) -> int:
        """Count a refusal. Returns how many to log now: those since the last line."""
        now = time.monotonic()
        logged, count = self._refused.get((client, status.value), (-_QUIET, 0))
        due = now - logged >= _QUIET
        self._refused[client, status.value] = (now, 0) if due else (logged, count + 1)
        return count + 1 if due else 0

    def metrics(self) -> "Iterator[Metric]":
        """Yield all metrics."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        from takedown_base.http.metrics_text import add_histogram

        with self._lock:
            answers, takedowns = dict(self._answers), dict(self._takedowns)
            times, seconds = list(self._times), self._seconds
        info = GaugeMetricFamily("takedown_door_info", "1, with the version as a label.", labels=["version"])
        info.add_metric([version("edge-takedown")], 1)
        yield info
        requests = CounterMetricFamily(
            "takedown_door_requests", "Answers to each client, by status.", labels=["client", "status"]
        )
        for (client, status), count in answers.items():
            requests.add_metric([client, str(status)], count)
        yield requests
        acts = CounterMetricFamily(
            "takedown_door_acts", "Bans, lifts and purges that each client ordered.", labels=["client", "act"]
        )
        for (client, act), count in takedowns.items():
            acts.add_metric([client, act], count)
        yield acts
        spent = HistogramMetricFamily("takedown_door_seconds", "Time to answer a request, in seconds.")
        add_histogram(spent, [], BOUNDS, times, seconds)
        yield spent
