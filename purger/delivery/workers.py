"""Starts, changes and stops the workers of the edges that this purger has claimed: one worker an edge, in one loop.

The loop is a thread of its own, which waits for answers, timers and what the poller finds of all edges at once. So
nothing in it may block: what reads the database or looks up a name goes to another thread.
"""

import asyncio
import concurrent.futures
import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

from purger.delivery.pace import Pace
from purger.delivery.worker import Worker
from purger.edge.url import shown
from purger.fleet.edges import EnabledEdge, followed_edges
from purger.fleet.sharing import Sharing
from purger.loop_thread import ERROR_REST
from purger.outbox.batches import Batches
from purger.outbox.plan import APART
from purger.outbox.poller import Poller
from purger.probing.probers import Probers
from purger.problem_log import ProblemLog
from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.connection.lasting_connection import Connection

log = logging.getLogger(__name__)

#: Names of edges that are looked up at a time. Those that no name server answers hold up the others beyond it.
_LOOKUPS = 64


class EdgeWorkers(threading.Thread):
    """The workers of the claimed edges, by name of the edge, and those that were stopped and have not ended yet.

    This is the thread of their loop; its methods are for the thread that starts it.
    """

    def __init__(
        self,
        connection: Connection,
        poller: Poller,
        batches: Batches,
        probers: Probers,
        sharing: Sharing,
        *,
        interval: float,
        new_worker: Callable[[EnabledEdge], Worker],
    ) -> None:
        """Read the edges from ``connection`` each ``interval`` seconds; ``new_worker`` makes one to be started."""
        super().__init__(name="edges", daemon=True)
        self._runner = asyncio.Runner()
        self._loop = self._runner.get_loop()
        self._loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(_LOOKUPS, "names"))
        self._closed = asyncio.Event()
        self.pace = Pace()
        self._next_round: asyncio.TimerHandle | None = None
        self._connection = connection
        self._poller = poller
        self._batches = batches
        self._probers = probers
        self._sharing = sharing
        self._interval = interval
        self._new_worker = new_worker
        # The poller logs that the database is away; this one logs only the problems of the list.
        self._problem = ProblemLog(log, "the list of edges", patience=2)
        self._workers: dict[str, Worker] = {}
        self._running: dict[Worker, concurrent.futures.Future[None]] = {}  # also those that were stopped
        self._wanted: list[tuple[Any, ...]] = []  # of the edges that were read last
        self._due = 0.0  # when the edges are read again, by the monotonic clock

    @property
    def present(self) -> Sequence[Worker]:
        """The workers of the edges that are followed now. Other threads may ask."""
        return [*self._workers.values()]

    def follow_changes(self) -> None:
        """Read the claimed edges if that is due, or if claims have changed, and follow only these edges."""
        if self._sharing.take_change() or time.monotonic() >= self._due:
            self._follow_edges()

    def run(self) -> None:
        """Run the loop until it is closed."""
        self._poller.subscribe(self._wake_all)
        self._wake_all()  # what was found before
        with self._runner as runner:
            runner.run(self._closed.wait())

    def dismiss_all(self) -> None:
        """Stop all workers, without waiting for their requests in flight."""
        self._dismiss(list(self._workers))

    def join_workers(self, seconds: float) -> list[Worker]:
        """Wait for the stopped workers, so many seconds in all; return those that still run."""
        concurrent.futures.wait(self._running.values(), seconds)
        return [worker for worker, run in self._running.items() if not run.done()]

    def close(self, seconds: float) -> None:
        """End the loop, within so many seconds. Nobody may wake a worker any more."""
        self._loop.call_soon_threadsafe(self._closed.set)
        self.join(seconds)

    def _wake_all(self) -> None:
        self._loop.call_soon_threadsafe(self._begin_round)

    def _begin_round(self) -> None:
        """Wake all workers, or do so later if it is too early for a round."""
        now = time.monotonic()
        if now >= self.pace.next_round:
            self._wake_each()
        elif self._next_round is None:
            self._next_round = self._loop.call_at(self.pace.next_round, self._wake_each)

    def _wake_each(self) -> None:
        if self._next_round is not None:
            self._next_round.cancel()
            self._next_round = None
        now = time.monotonic()
        self.pace.begin_round(self._poller.head or 0, at=now)
        for worker in self.present:
            worker.wake()
        self._loop.call_soon(self._all_had_a_turn, now)

    def _all_had_a_turn(self, began: float) -> None:
        self.pace.round_took(time.monotonic() - began, len(self._workers))
        self._batches.apart = 1 if self.pace.crowded else APART

    def _follow_edges(self) -> None:
        """Start the workers of new edges, stop those of removed ones, and pass on changed settings."""
        try:
            edges = followed_edges(self._connection, self._sharing.purger)
        except DatabaseUnavailableError as error:
            if self._poller.usable:
                self._problem.begin("unreadable", str(error))
            self._due = time.monotonic() + ERROR_REST
            return
        self._problem.end()
        self._due = time.monotonic() + self._interval
        former, self._wanted = self._wanted, [each.wanted for each in edges]
        if self._wanted == former and len(self._workers) == len(edges):
            return
        self._probers.follow((each.edge, each.saved.acknowledged) for each in edges)
        names = {each.edge.name for each in edges}
        leaving = [name for name in self._workers if name not in names]
        for name in leaving:
            log.info("edge %s is no longer followed", name)
        self._dismiss(leaving)
        self._running = {worker: run for worker, run in self._running.items() if not run.done()}
        ending = {worker.edge.name for worker in self._running} - self._workers.keys()
        for each in edges:
            self._follow(each, ending)

    def _follow(self, followed: EnabledEdge, ending: Collection[str]) -> None:
        """Start the worker of an edge, or pass on the edge's new settings and the flush that is asked for."""
        edge = followed.edge
        worker = self._workers.get(edge.name)
        if worker is None:
            if edge.name in ending:
                return  # one worker an edge: another one starts at the next reading
            log.info("edge %s is followed: %s", edge.name, shown(edge.purge_url))
            self._workers[edge.name] = worker = self._new_worker(followed)
            # Before its first heartbeat, and so before it starts.
            worker.ask_flush(followed.asked)
            self._running[worker] = asyncio.run_coroutine_threadsafe(worker.run(), self._loop)
        elif worker.edge != edge:
            log.info("edge %s has changed: %s", edge.name, shown(edge.purge_url))
            self._loop.call_soon_threadsafe(worker.follow, edge)
        self._loop.call_soon_threadsafe(worker.ask_flush, followed.asked)

    def _dismiss(self, names: list[str]) -> None:
        for name in names:
            self._loop.call_soon_threadsafe(self._workers.pop(name).stop)
