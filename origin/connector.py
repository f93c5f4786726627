"""Makes connections apart from the requests that wait for them."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Connection = TypeVar("Connection")


class Connecting(Generic[Connection]):
    """Makes one connection in a thread of its own.

    Connecting takes several round trips, and the driver bounds each by itself. Whoever waits here can stop at any
    moment, and the connection is there for a later request.
    """

    def __init__(self, connect: Callable[[], Connection]):
        self._connect = connect
        self._connection: Connection | None = None
        self._error: BaseException | None = None
        self._done = threading.Event()
        threading.Thread(target=self._run, name="connecting", daemon=True).start()

    def wait(self, seconds: float) -> Connection | None:
        """Wait at most so long; None where the connection is not there yet. Raises the error of a failed attempt."""
        if not self._done.wait(max(0.0, seconds)):
            return None
        if self._error is not None:
            raise self._error
        return self._connection

    def _run(self) -> None:
        try:
            self._connection = self._connect()
        except BaseException as error:  # of whatever kind: it belongs to the one who waits
            self._error = error
        self._done.set()
