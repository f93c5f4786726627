"""Runs `purger run`: starts its threads, and ends them on a signal."""

import logging
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from purger.delivery.worker import Worker
from purger.delivery.workers import EdgeWorkers
from purger.fleet.edges import EnabledEdge
from purger.fleet.sharing import Sharing
from purger.loop_thread import LoopThread, join_all
from purger.maintenance import Maintenance
from purger.outbox.batches import Batches
from purger.outbox.outbox import Outbox
from purger.outbox.poller import Poller
from purger.outbox.verifier import FullyNumberedTimes, Verifier
from purger.probing.probe import Probe
from purger.probing.prober import Prober
from purger.probing.probers import COUNT, Probers
from purger.records.batch_bans import BanReader
from purger.records.pending import Pending
from purger.records.recorder import Recorder
from purger.records.takedown_lines import TakedownLines
from purger.records.tally import Tally
from purger.settings import Settings
from purger.signed_log.keys import LogKey
from purger.signed_log.writer import LogWriter
from purger.webhooks.teller import Teller
from takedown_base.listen_address import Address
from takedown_base.signals import STOP_SIGNALS, SignalQueue
from takedown_db.connection.lasting_connection import Connection
from takedown_db.connection.url import without_secrets

if TYPE_CHECKING:
    from purger.console.listener import ConsoleListener
    from purger.console.users.settings import ConsoleSettings
    from takedown_base.http.status_listener import StatusListener

log = logging.getLogger(__name__)

#: Time-out of the verifier's statements, in time-outs of all others: they read each row that is not committed. The
#: server would go on with a statement that the verifier has given up, beside the next one.
_PATIENCE_OF_VERIFIER = 3

#: Seconds after which a thread that waits for the interpreter gets it, 5 ms by default. The loop of the edges gives it
#: back at each of its system calls, and may then wait for that long each time while another thread computes.
_SWITCH = 0.0005

#: Seconds after which the workers follow the edges that were claimed or lost meanwhile.
_FOLLOW_INTERVAL = 0.05

#: Seconds for which workers may end their requests before their edges are given back to other purgers.
_HAND_OVER = 0.3


class CannotListenError(Exception):
    """The listener for monitoring cannot start. The message says why."""


def run(settings: Settings, *, console: "ConsoleSettings | None" = None, log_key: LogKey | None = None) -> None:
    """Run a purger until SIGTERM or SIGINT. A second one ends it at once. Raises ``CannotListenError``."""
    monitoring = _listener(settings.metrics)
    signals = SignalQueue(STOP_SIGNALS, default_after_first=True)
    service = Service(settings, console=console, log_key=log_key)
    service.run(lambda seconds: signals.wait(seconds) is not None, monitoring)


def _listener(address: Address | None) -> socket.socket | None:
    if address is None:
        return None
    # Imported here, so that a purger without metrics has no HTTP server in memory.
    from takedown_base.http.server import reserve_port

    try:
        return reserve_port(address, share=True)
    except OSError as error:
        raise CannotListenError(f"cannot listen on {address}: {error.strerror or error}") from None


class Service:
    """The threads of one purger."""

    def __init__(
        self, settings: Settings, *, console: "ConsoleSettings | None" = None, log_key: LogKey | None = None
    ) -> None:
        """Make the threads. None as ``console``: no pages for people. None as ``log_key``: it writes no log."""
        self._settings = settings
        self._monitoring: StatusListener | None = None
        self._stop = threading.Event()
        self._left = threading.Event()  # set when the edges may be given back
        self._written = threading.Event()  # set when the recorder gets nothing more
        self._recorded = threading.Event()  # set when it has written all
        self._connection = self._new_connection()
        self._batches = Batches(Outbox(self._new_connection()))
        self._sharing = Sharing(self._new_connection(), self._left, wake=lambda: self._poller.notify())
        self._poller = Poller(
            Outbox(self._new_connection(prompt=True)),
            self._batches,
            interval=settings.poll_interval,
            stop=self._stop,
            sign=self._sharing.polled,
        )
        self._tally, fully_numbered = Tally(), FullyNumberedTimes()
        self._pending = Pending(self._acknowledged, lambda: self._poller.head)
        self._takedown_lines = self._new_takedown_lines(fully_numbered)
        verifying = self._new_connection(_PATIENCE_OF_VERIFIER, prompt=True)
        self._verifier = Verifier(Outbox(verifying), self._poller, self._stop, fully_numbered)
        self._recorder = self._new_recorder()
        self._probers = Probers([self._new_prober() for _ in range(COUNT)], self._tally)
        self._maintenance = Maintenance(
            self._new_connection(), Probe(), settings, self._stop, leads=self._sharing.leads, tally=self._tally
        )
        self._teller = Teller(self._new_connection(), self._stop, leads=self._sharing.leads)
        self._log_writer = None if log_key is None else self._new_log_writer(log_key)
        self._console = None if console is None else self._new_console(console)
        self._workers = EdgeWorkers(
            self._connection,
            self._poller,
            self._batches,
            self._probers,
            self._sharing,
            interval=settings.edges_interval,
            new_worker=self._new_worker,
        )

    def run(self, wait: Callable[[float], bool], monitoring: socket.socket | None = None) -> None:
        """Run until ``wait``, given the seconds to wait at most, returns True. Then finish what is in flight.

        Shows metrics on the port that the socket ``monitoring`` has reserved.
        """
        sys.setswitchinterval(_SWITCH)
        for thread in self._threads:
            thread.start()
        self._workers.start()
        if monitoring is not None:
            self._show_metrics(monitoring)
        if self._console is not None:
            self._console.start()
        log.info("watching %s", without_secrets(self._settings.database_url))
        while not wait(_FOLLOW_INTERVAL):
            self._workers.follow_changes()
        log.info("stopping")
        self._end()

    def _show_metrics(self, listening: socket.socket) -> None:
        # Imported here, so that a purger without metrics does not load the library.
        from purger.metrics_listener import PurgerMetrics

        self._monitoring = PurgerMetrics(
            self._tally,
            self._takedown_lines,
            self._pending,
            self._poller,
            self._sharing,
            lambda: self._workers.present,
            [self._workers, *self._threads],
            self._teller,
        ).start(listening)
        log.info("metrics are on http://%s/metrics", Address(*listening.getsockname()[:2]))

    @property
    def _threads(self) -> tuple[LoopThread, ...]:
        return (
            self._poller,
            self._verifier,
            self._recorder,
            self._takedown_lines,
            *self._probers.threads,
            self._maintenance,
            self._teller,
            self._sharing,
            *([self._log_writer] if self._log_writer else []),
        )

    def _acknowledged(self) -> dict[str, int]:
        return {worker.edge.name: worker.acknowledged for worker in self._workers.present}

    def _end(self) -> None:
        """Give the edges back, and end all threads. An edge whose answer has no end must not hold up the others."""
        self._stop.set()
        if self._console is not None:
            self._console.stop()
        self._workers.dismiss_all()
        self._workers.join_workers(_HAND_OVER)
        self._left.set()
        self._sharing.join()
        for worker in self._workers.join_workers(self._longest_request):
            log.warning("edge %s has not ended its answer and is left to itself", worker.edge.name)
        for thread in (self._poller, self._verifier):
            thread.join()
        self._workers.close(self._longest_request)
        join_all((*self._probers.threads, self._maintenance, self._teller), self._longest_request)
        self._written.set()
        self._recorder.wake()
        self._recorder.join()
        self._recorded.set()
        self._takedown_lines.wake()
        join_all([self._takedown_lines, *([self._log_writer] if self._log_writer else [])], self._longest_request)
        if self._monitoring is not None:
            self._monitoring.stop()
        self._connection.close()

    def _new_connection(self, patience: int = 1, *, prompt: bool = False) -> Connection:
        timeout = patience * self._settings.database_timeout
        return Connection(self._settings.database_url, timeout=timeout, adopted=True, prompt=prompt)

    def _new_takedown_lines(self, fully_numbered: FullyNumberedTimes) -> TakedownLines:
        connection = self._new_connection()
        pending = None if self._settings.metrics is None else self._pending
        return TakedownLines(
            connection, BanReader(connection, fully_numbered), self._poller, self._recorded, pending=pending
        )

    def _new_recorder(self) -> Recorder:
        return Recorder(
            self._new_connection(),
            delay=self._settings.record_delay,
            stop=self._written,
            usable=lambda: self._poller.usable,
            setbacks=lambda: self._poller.setbacks,
            purger=self._sharing.purger,
            takedown_lines=self._takedown_lines,
        )

    def _new_prober(self) -> Prober:
        return Prober(
            self._new_connection(),
            Probe(),
            self._recorder,
            self._stop,
            setbacks=lambda: self._poller.setbacks,
            loaded=lambda: time.monotonic() < self._workers.pace.next_round,
            tally=self._tally,
        )

    def _new_log_writer(self, key: LogKey) -> LogWriter:
        return LogWriter(
            self._new_connection(),
            self._recorded,
            key=key,
            leads=self._sharing.leads,
            busy=lambda: self._poller.more_to_come,
        )

    def _new_console(self, settings: "ConsoleSettings") -> "ConsoleListener":
        # Imported here, so that a purger without a console has no HTTP server in memory.
        from purger.console.listener import ConsoleListener

        return ConsoleListener(settings, self._settings.database_url, self._settings.database_timeout)

    def _new_worker(self, followed: EnabledEdge) -> Worker:
        return Worker(
            followed.edge,
            followed.saved,
            self._settings,
            poller=self._poller,
            batches=self._batches,
            recorder=self._recorder,
            probers=self._probers,
            pace=self._workers.pace,
            holds=partial(self._sharing.holds, followed.edge.name),
            tally=self._tally,
        )

    @property
    def _longest_request(self) -> float:
        """The seconds that one request of a worker may take."""
        return self._settings.connect_timeout + 2 * self._settings.read_timeout
