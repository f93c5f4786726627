"""Opens a connection in the background, so that a request can stop waiting for it at any moment."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Connection = TypeVar("Connection")


class ConnectionAttempt(Generic[Connection]):
    """Opens one connection in a thread of its own.

    Opening takes several round trips, and the driver bounds each by itself. A caller that stops waiting finds the
    connection at a later request.
    """

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._connection: Connection | None = None
        self._error: BaseException | None = None
        self._done = threading.Event()
        threading.Thread(target=self._run, name="connecting", daemon=True).start()

    def wait(self, seconds: float) -> Connection | None:
        """Wait at most ``seconds`` for the connection; None: it is not open yet. Raises the error of the attempt."""
        if not self._done.wait(max(0.0, seconds)):
            return None
        if self._error is not None:
            raise self._error
        return self._connection

    def _run(self) -> None:
        try:
            self._connection = self._connect()
        except BaseException as error:  # of any kind: the caller gets it
            self._error = error
        self._done.set()
