"""`purger run`: puts the threads together, follows the list of edges, and ends on a signal."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from purger.batches import Batches
from purger.edge_url import shown
from purger.maintenance import Maintenance
from purger.model import Edge, FlushRequest, SavedProgress
from purger.outbox import Outbox
from purger.poller import Poller
from purger.presence import Presence
from purger.probe import Probe
from purger.prober import Prober
from purger.problem_log import ProblemLog
from purger.recorder import Recorder
from purger.settings import Settings
from purger.verifier import Verifier
from purger.worker import Worker
from takedown_db.connection import Connection
from takedown_db.errors import DatabaseUnavailableError
from takedown_db.signals import STOP_SIGNALS, SignalQueue
from takedown_db.url import without_secrets

log = logging.getLogger(__name__)

#: The verifier waits this many times as long for an answer as everything else: its look passes over each row that is
#: not committed. Were it given up, the server would go on with it beside the next one.
_PATIENCE_OF_VERIFIER = 3


_Thread = TypeVar("_Thread", bound=threading.Thread)


class Service:
    """All that runs in one purger."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._written = threading.Event()  # set when nothing more will be told to the recorder
        self._connection = self._new_connection()
        # The watch tells of the database being away; this is for what concerns the list alone.
        self._problem = ProblemLog(log, "the list of edges", patience=2)
        self._batches = Batches(Outbox(self._new_connection()))
        self._presence = Presence(self._new_connection(), self._written)
        self._poller = Poller(
            Outbox(self._new_connection(prompt=True)),
            self._batches,
            interval=settings.poll_interval,
            stop=self._stop,
            sign=self._presence.polled,
        )
        verifying = self._new_connection(_PATIENCE_OF_VERIFIER, prompt=True)
        self._verifier = Verifier(Outbox(verifying), self._poller, self._stop)
        self._recorder = Recorder(
            self._new_connection(),
            delay=settings.record_delay,
            stop=self._written,
            usable=lambda: self._poller.usable,
            setbacks=lambda: self._poller.setbacks,
        )
        self._prober = Prober(
            self._new_connection(), Probe(), self._recorder, self._stop, setbacks=lambda: self._poller.setbacks
        )
        self._maintenance = Maintenance(self._new_connection(), Probe(), settings, self._stop)
        self._workers: dict[str, Worker] = {}

    def run(self, wait: Callable[[float], bool]) -> None:
        """Run until ``wait``, given the seconds to wait at most, returns True. Then finish what is in flight."""
        for thread in (self._poller, self._verifier, self._recorder, self._prober, self._maintenance, self._presence):
            thread.start()
        log.info("watching %s", without_secrets(self._settings.database_url))
        stopped = False
        while not stopped:
            self._follow_edges()
            stopped = wait(self._settings.edges_interval)
        log.info("stopping")
        self._stop.set()
        self._finish(list(self._workers.values()))
        for thread in (self._poller, self._verifier):
            thread.join()
        self._join((self._prober, self._maintenance))
        self._written.set()
        self._recorder.wake()
        self._recorder.join()
        self._presence.join()
        self._connection.close()

    def _new_connection(self, patience: int = 1, *, prompt: bool = False) -> Connection:
        timeout = patience * self._settings.database_timeout
        return Connection(self._settings.database_url, timeout=timeout, adopted=True, prompt=prompt)

    def _follow_edges(self) -> None:
        """Start workers for edges that are new, stop those of edges that are gone, and tell those of changed ones."""
        try:
            rows = self._connection.rows("enabled_edges")
        except DatabaseUnavailableError as error:
            if self._poller.usable:
                self._problem.begin("unreadable", str(error))
            return
        self._problem.end()
        edges = {row[0]: (Edge(*row[:7]), SavedProgress(*row[7:15]), _asked(*row[15:17])) for row in rows}
        self._prober.follow((edge, saved.acknowledged) for edge, saved, _ in edges.values())
        leaving = [worker for name, worker in self._workers.items() if name not in edges]
        self._finish(leaving)
        for worker in leaving:
            log.info("edge %s is no longer followed", worker.edge.name)
            del self._workers[worker.edge.name]
        for name, (edge, saved, asked) in edges.items():
            if name in self._workers and self._workers[name].edge != edge:
                log.info("edge %s has changed: %s", name, shown(edge.purge_url))
                self._workers[name].follow(edge)
            elif name not in self._workers:
                log.info("edge %s is followed: %s", name, shown(edge.purge_url))
                self._workers[name] = Worker(
                    edge, saved, self._settings, self._poller, self._batches, self._recorder, self._prober
                )
                # Before its first heartbeat, and so before it starts.
                self._workers[name].ask_flush(asked)
                self._workers[name].start()
            self._workers[name].ask_flush(asked)

    def _finish(self, workers: list[Worker]) -> None:
        """Stop workers. One whose edge goes on answering without an end must not hold up the others."""
        for worker in workers:
            worker.stop()
        for worker in self._join(workers):
            log.warning("edge %s has not ended its answer and is left to itself", worker.edge.name)

    def _join(self, threads: Sequence[_Thread]) -> list[_Thread]:
        """Wait for threads that were stopped, for as long as one request of a worker may take; those that go on."""
        until = time.monotonic() + self._settings.connect_timeout + 2 * self._settings.read_timeout
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        return [thread for thread in threads if thread.is_alive()]


def _asked(number: int | None, by: str) -> FlushRequest | None:
    return None if number is None else FlushRequest(number, by)


def run(settings: Settings) -> None:
    """Run a purger until SIGTERM or SIGINT. A second one ends it at once."""
    signals = SignalQueue(STOP_SIGNALS, default_after_first=True)
    Service(settings).run(lambda seconds: signals.wait(seconds) is not None)
