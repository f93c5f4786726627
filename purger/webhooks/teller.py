"""The thread that sends webhooks, in one of several purgers.

It makes events and writes results. A thread for each receiver makes the requests, so that a slow one holds up no other.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from purger.edge.credentials import CredentialError, read_allowed_tokens
from purger.loop_thread import LoopThread
from purger.model import WebhookState
from purger.problem_log import ProblemLog
from purger.webhooks.post import PostError, post
from purger.webhooks.queue import DueEvent, DueReceiver, Failure, WebhookQueue
from purger.webhooks.signature import UnusableSecretError, key_of, signed_headers
from takedown_base.printable import printable
from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.connection.lasting_connection import Connection

log = logging.getLogger(__name__)

#: Seconds between two looks into the outbox, and while a request is under way.
_REST, _BUSY_REST = 0.25, 0.02

#: Seconds between two looks in a purger that does not lead, or while there is no receiver.
_IDLE_REST = 1.0

#: Seconds after which a receiver's thread hands its results over, although more events wait.
_TURN = 1.0

#: Seconds between two reads of what waits, for metrics.
_BACKLOG = 5.0

#: Seconds between two prunings.
_PRUNE = 3600.0

#: Seconds for which a stopping purger waits for requests under way. Those that take longer are sent again later.
_LAST = 3.0


class _Delivery(threading.Thread):
    """The requests to one receiver, up to the first failure that others would meet as well."""

    def __init__(self, receiver: DueReceiver, events: list[DueEvent], stop: threading.Event) -> None:
        super().__init__(name=f"webhook {receiver.name}", daemon=True)
        self.receiver = receiver
        self.told: list[DueEvent] = []
        self.failures: list[Failure] = []
        self._events = events
        self._halt = stop

    def run(self) -> None:
        """Send the events in their order."""
        until = time.monotonic() + _TURN
        try:
            keys = [key_of(secret) for secret in read_allowed_tokens(self.receiver.secret_file)]
        except (CredentialError, UnusableSecretError) as error:
            self.failures.append(Failure(self._events[0], f"secret file: {error}", lives=False))
            return
        for event in self._events:
            if self._halt.is_set() or time.monotonic() > until:
                return
            body = event.payload.encode()
            try:
                headers = signed_headers(event.message, int(time.time()), body, keys)
                post(self.receiver.url, body, headers, self.receiver.ca_file)
            except PostError as error:
                self.failures.append(Failure(event, str(error), lives=error.lives))
                if not error.lives:
                    return
            else:
                self.told.append(event)


class Teller(LoopThread):
    """Tells receivers, if this purger leads."""

    def __init__(self, connection: Connection, stop: threading.Event, *, leads: Callable[[], bool]) -> None:
        """Tell until ``stop`` is set, while ``leads`` returns True, as it does in one of several purgers."""
        problem = ProblemLog(log, "the thread of webhooks")
        super().__init__("webhooks", stop, problem, bug_effect="receivers are not told", daemon=True)
        self._connection = connection
        self._queue = WebhookQueue(connection)
        self._leads = leads
        self._running: dict[str, _Delivery] = {}
        self._problems: dict[str, ProblemLog] = {}
        self._prune_due = 0.0
        self._backlog_due = 0.0
        #: Each receiver with its queue, read every five seconds.
        self.backlog: tuple[WebhookState, ...] = ()
        #: Requests since the start, by receiver and whether it took the event.
        self.requests = Counter[tuple[str, bool]]()

    def work(self) -> float:
        """Make events, send them and write the results; return the seconds to rest."""
        self._take_results()
        if self._backlog_due <= time.monotonic():
            self._backlog_due = time.monotonic() + _BACKLOG
            self.backlog = self._queue.states()
        if not self._leads():
            return _IDLE_REST
        receivers = self._queue.receivers()
        if not receivers:
            return _IDLE_REST
        more = self._queue.collect(receivers) | self._queue.judge(receivers)
        for receiver in self._queue.due_receivers():
            if receiver.name not in self._running and (events := self._queue.due_events(receiver.name)):
                self._running[receiver.name] = delivery = _Delivery(receiver, events, self._halt)
                delivery.start()
        if self._prune_due <= time.monotonic():
            self._prune_due = time.monotonic() + _PRUNE
            self._queue.prune()
        return 0.0 if more else _BUSY_REST if self._running else _REST

    def finish(self) -> None:
        """Write the results of requests that end soon, and close the connection."""
        until = time.monotonic() + _LAST
        for delivery in self._running.values():
            delivery.join(max(0.0, until - time.monotonic()))
        with suppress(DatabaseUnavailableError):
            self._take_results()
        self._connection.close()

    def _take_results(self) -> None:
        """Write the results of finished requests."""
        for name, delivery in list(self._running.items()):
            if not delivery.is_alive():
                self._queue.record(delivery.receiver, delivery.told, delivery.failures)
                del self._running[name]
                self._count(name, delivery)

    def _count(self, name: str, delivery: _Delivery) -> None:
        self.requests[name, True] += len(delivery.told)
        self.requests[name, False] += len(delivery.failures)
        if name not in self._problems:
            self._problems[name] = ProblemLog(log, f"webhook {printable(name)}", patience=2)
        if delivery.failures:
            self._problems[name].begin("not told", printable(delivery.failures[0].problem))
        elif delivery.told:
            self._problems[name].end()
