"""Runs one process of ``origin serve``, from its start until its responses have ended."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from origin.answering.answers import Answers
from origin.answering.app import App
from origin.answering.lookup import Lookup
from origin.answering.special_image import SpecialImage
from origin.http.access_log import AccessLog, make_watch
from origin.http.server import Server, run_server
from origin.metrics_counters import CountedLookup, CountedStore, Counters
from origin.settings import Settings
from origin.stores.backends import open_backend
from origin.stores.contract import DamagedFileError, StoreAwayError
from origin.stores.store import Store, open_store
from takedown_base.listen_address import Address
from takedown_base.signals import STOP_SIGNALS, SignalQueue


@dataclass(frozen=True, slots=True)
class Worker:
    """The parts that each process of the origin is made of."""

    settings: Settings
    special: SpecialImage
    address: Address
    access_log: AccessLog | None = None

    def work(
        self, *, parent: int, share_port: bool, ready: Callable[[], object], counters: Counters | None = None
    ) -> None:
        """Serve until SIGTERM or SIGINT, or until the process ``parent`` has ended; then finish the present responses.

        Calls ``ready`` once it listens. A second signal cuts off the responses that are still being sent. Raises
        ``OSError`` where it cannot listen.
        """
        signals = SignalQueue(STOP_SIGNALS)
        settings = self.settings
        answers = Answers(settings.lifetimes, settings.banned_status, self.special)
        app = App(self._lookup(counters), answers, self._store(counters), self.special, settings.headers)
        watch = make_watch(counters.answered if counters else None, self.access_log)
        expected = (DamagedFileError, StoreAwayError)
        server = Server(app, self.address, settings, share_port=share_port, watch=watch, expected_errors=expected)
        server.prepare()
        ready()
        # A process whose parent was killed would keep its share of the port, and nobody would end it.
        run_server(server, signals, settings.drain, goes_on=lambda: os.getppid() == parent)

    def _lookup(self, counters: Counters | None) -> Lookup:
        url, replica = self.settings.database_url, self.settings.replica
        return Lookup(url, replica=replica) if counters is None else CountedLookup(counters, url, replica=replica)

    def _store(self, counters: Counters | None) -> Store:
        own, in_place = self.settings.store, self.settings.in_place
        if counters is None:
            return open_store(own, in_place)
        return CountedStore(counters, open_backend(own), None if in_place is None else open_backend(in_place))
