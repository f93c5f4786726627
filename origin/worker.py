"""Runs one process of ``origin serve``, from its start until its responses have ended."""

import os
from collections.abc import Callable

from origin.answers import Answers
from origin.app import App
from origin.lookup import Lookup
from origin.server import Server
from origin.server_run import run_server
from origin.settings import Settings
from origin.special_image import SpecialImage
from origin.store import open_store
from takedown_db.listen_address import Address
from takedown_db.signals import STOP_SIGNALS, SignalQueue


def work(
    settings: Settings,
    special: SpecialImage,
    address: Address,
    *,
    parent: int,
    share_port: bool,
    ready: Callable[[], object],
) -> None:
    """Serve until SIGTERM or SIGINT, or until the process ``parent`` has ended; then finish the present responses.

    Calls ``ready`` once it listens. A second signal cuts off the responses that are still being sent. Raises
    ``OSError`` where it cannot listen.
    """
    signals = SignalQueue(STOP_SIGNALS)
    answers = Answers(settings.lifetimes, settings.banned_status, special)
    lookup = Lookup(settings.database_url, replica=settings.replica)
    store = open_store(settings.store, settings.in_place)
    app = App(lookup, answers, store, special, settings.headers)
    server = Server(app, address, settings, share_port=share_port)
    server.prepare()
    ready()
    # A process whose parent was killed would keep its share of the port, and nobody would end it.
    run_server(server, signals, settings.drain, goes_on=lambda: os.getppid() == parent)
