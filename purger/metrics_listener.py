"""Shows monitoring a purger's metrics and health: of the edges that it follows, from memory, not from the database."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from purger.delivery.session import MODES
from purger.delivery.worker import Worker
from purger.fleet.sharing import Sharing
from purger.outbox.poller import Poller
from purger.records.pending import Pending
from purger.records.takedown_lines import BOUNDS, TakedownLines
from purger.records.tally import Tally
from purger.webhooks.teller import Teller
from takedown_base.http.metrics_text import add_histogram, metrics_page
from takedown_base.http.status_listener import StatusListener, health_page


class PurgerMetrics:
    """The metrics of one purger. Its edges are those that it follows at the moment."""

    def __init__(
        self,
        tally: Tally,
        takedown_lines: TakedownLines,
        pending: Pending,
        poller: Poller,
        sharing: Sharing,
        workers: Callable[[], Sequence[Worker]],
        threads: Sequence[threading.Thread],
        teller: Teller,
    ) -> None:
        """``workers`` returns the workers of the edges; ``threads`` have to run for as long as the purger does."""
        self._tally = tally
        self._takedown_lines = takedown_lines
        self._pending = pending
        self._poller = poller
        self._sharing = sharing
        self._workers = workers
        self._threads = threads
        self._teller = teller

    def start(self, reserved: socket.socket) -> StatusListener:
        """Answer on the port that a socket has reserved, until the listener is stopped. Raises ``OSError``."""
        pages = {
            "/metrics": lambda: metrics_page(self.metrics()),
            "/healthz": lambda: health_page(self.dead_threads()),
            "/readyz": lambda: health_page([*self.dead_threads(), *self._unready()]),
        }
        listener = StatusListener(reserved, pages)
        listener.start()
        return listener

    def dead_threads(self) -> list[str]:
        """List the threads that have ended: the process has to be started again."""
        return [f"the thread {thread.name} has ended" for thread in self._threads if not thread.is_alive()]

    def _unready(self) -> Iterator[str]:
        """Yield the reasons why no ban could be delivered now, but for those of edges."""
        if not self._sharing.polled_lately():
            yield "the database does not answer polls"
        elif self._poller.verification is None:
            yield "nothing was verified yet"

    def metrics(self) -> Iterator[Metric]:
        """Yield all metrics."""
        workers, now = self._workers(), time.monotonic()
        info = GaugeMetricFamily("takedown_purger_info", "1, with the version as a label.", labels=["version"])
        info.add_metric([version("edge-takedown")], 1)
        yield info
        yield from self._of_takedowns()
        yield from self._of_edges(workers, now)
        followed = {worker.edge.name for worker in workers}
        yield self._deliveries(followed)
        yield from self._of_audits(followed)
        yield from self._of_database()
        yield from self._of_webhooks()

    def _of_takedowns(self) -> Iterator[Metric]:
        gone = HistogramMetricFamily(
            "takedown_gone_seconds",
            "Time from a ban's commit to the acknowledgement of an edge, and until it was seen gone there, in seconds.",
            labels=["stage"],
        )
        for stage, histogram in self._takedown_lines.gone.items():
            add_histogram(gone, [stage], BOUNDS, histogram.counts, histogram.total)
        yield gone
        oldest = "Seconds for which the oldest change waits that an edge has not acknowledged; 0 where none waits."
        yield GaugeMetricFamily("takedown_oldest_pending_seconds", oldest, value=self._pending.oldest())
        waiting = "Batches, receipts and probes that wait for their place in the signed log."
        log = self._pending.log
        yield GaugeMetricFamily("takedown_log_waiting", waiting, value=log.batches + log.entries)
        oldest = "Seconds for which the oldest of them waits; 0 where none waits."
        yield GaugeMetricFamily("takedown_log_oldest_waiting_seconds", oldest, value=log.seconds)

    def _of_edges(self, workers: Sequence[Worker], now: float) -> Iterator[Metric]:
        batches = "Batches that the edge has not acknowledged."
        backlog = GaugeMetricFamily("takedown_backlog_batches", batches, labels=["edge"])
        seconds = "Seconds for which the edge trusts its cache without a further heartbeat."
        lease = GaugeMetricFamily("takedown_lease_remaining_seconds", seconds, labels=["edge"])
        mode = GaugeMetricFamily("takedown_edge_mode", "1 for the mode of the edge.", labels=["edge", "mode"])
        head = self._poller.head
        for worker in workers:
            name = worker.edge.name
            backlog.add_metric([name], 0 if head is None else max(0, head - worker.acknowledged))
            if (left := worker.mode.lease_left(now)) is not None:
                lease.add_metric([name], left)
            present = worker.mode.at(now)
            for each in MODES:
                mode.add_metric([name, each], each == present)
        yield GaugeMetricFamily("takedown_edges_followed", "Edges that this purger follows.", value=len(workers))
        yield from (backlog, lease, mode)

    def _deliveries(self, followed: set[str]) -> Metric:
        deliveries = CounterMetricFamily(
            "takedown_deliveries", "Requests to edges, rebounds among them.", labels=["edge", "method", "result"]
        )
        for key, count in self._tally.deliveries().items():
            if key.edge in followed:
                deliveries.add_metric(key, count)
        return deliveries

    def _of_audits(self, followed: set[str]) -> Iterator[Metric]:
        served = "Banned images that an edge showed to a probe or an audit. Must be 0."
        yield CounterMetricFamily("takedown_audit_served", served, value=self._tally.served)
        flushes = "Flushes of an edge that still showed a removed image from its cache, after its acknowledgement."
        flushed = CounterMetricFamily("takedown_probe_flushes", flushes, labels=["edge"])
        for edge in followed:
            flushed.add_metric([edge], self._tally.flushes[edge])
        yield flushed
        waiting = "Probes that wait, of bans that an edge has acknowledged and that are not proven gone there."
        yield GaugeMetricFamily("takedown_probes_waiting", waiting, value=self._tally.probes_waiting())
        probes = "Answers for banned images that probes and audits have judged."
        yield CounterMetricFamily("takedown_audit_probes", probes, value=self._tally.probes)
        unproven = "Answers that neither showed a banned image nor proved it gone."
        yield CounterMetricFamily("takedown_audit_unproven", unproven, value=self._tally.unproven)

    def _of_webhooks(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily(
            "takedown_webhook_waiting", "Events that wait for the receiver.", labels=["webhook"]
        )
        text = "Seconds for which the oldest of them waits; 0 where none waits."
        oldest = GaugeMetricFamily("takedown_webhook_oldest_waiting_seconds", text, labels=["webhook"])
        dead = GaugeMetricFamily("takedown_webhook_dead", "Events that were given up.", labels=["webhook"])
        for webhook in self._teller.backlog:
            waiting.add_metric([webhook.name], webhook.waiting)
            oldest.add_metric([webhook.name], webhook.oldest)
            dead.add_metric([webhook.name], webhook.dead)
        yield from (waiting, oldest, dead)
        text = "Requests of this purger to receivers of webhooks, by whether they took the event."
        requests = CounterMetricFamily("takedown_webhook_requests", text, labels=["webhook", "result"])
        for (name, told), count in dict(self._teller.requests).items():
            requests.add_metric([name, "told" if told else "failed"], count)
        yield requests

    def _of_database(self) -> Iterator[Metric]:
        usable = self._sharing.polled_lately()
        yield GaugeMetricFamily("takedown_database_usable", "1 while polls of the database succeed.", value=usable)
        present = "Purgers present, this one among them."
        yield GaugeMetricFamily("takedown_purgers_present", present, value=self._sharing.present_count())
        verification = self._poller.verification
        triggers = None if verification is None else verification.triggers
        missing = "Triggers of the outbox that are missing or altered: bans may go unseen."
        yield GaugeMetricFamily("takedown_triggers_missing", missing, value=len(triggers.missing) if triggers else 0)
        weakened = "Other triggers that are missing or altered, which check rows and write the log."
        yield GaugeMetricFamily("takedown_triggers_weakened", weakened, value=len(triggers.weakened) if triggers else 0)
