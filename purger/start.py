"""Starts ``purger run``: listens for monitoring where that is wanted, and runs the service until a signal."""

import socket

from purger.service import Service
from purger.settings import Settings
from takedown_base.listen_address import Address
from takedown_base.signals import STOP_SIGNALS, SignalQueue
from takedown_base.status_listener import open_listener


class CannotListenError(Exception):
    """The listener for monitoring cannot start. The message says why."""


def run(settings: Settings) -> None:
    """Run a purger until SIGTERM or SIGINT. A second one ends it at once. Raises ``CannotListenError``."""
    monitoring = _listener(settings.metrics)
    signals = SignalQueue(STOP_SIGNALS, default_after_first=True)
    Service(settings).run(lambda seconds: signals.wait(seconds) is not None, monitoring)


def _listener(address: Address | None) -> socket.socket | None:
    try:
        return None if address is None else open_listener(address)
    except OSError as error:
        raise CannotListenError(f"cannot listen on {address}: {error.strerror or error}") from None
