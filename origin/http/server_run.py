"""Runs a server in the present process until a signal, or its caller, ends it."""

import logging
import threading
from collections.abc import Callable

from origin.http.server import Server
from takedown_base.signals import SignalQueue

log = logging.getLogger(__name__)


def run_server(server: Server, signals: SignalQueue, drain: int, *, goes_on: Callable[[], bool]) -> None:
    """Run a prepared server until a signal comes or ``goes_on`` is False; then finish the present responses.

    Gives them ``drain`` seconds, or until a second signal; then cuts them off.
    """
    serving = threading.Thread(target=server.serve, name="serving", daemon=True)
    serving.start()
    while signals.wait(1) is None and goes_on() and serving.is_alive():
        pass
    cut_off = server.drain(drain, lambda: signals.wait(0.1) is not None)
    if cut_off:
        log.warning("%d responses were still being sent and have been cut off", cut_off)
