"""Keeps a database connection for each thread of the door."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from takedown_db.connection.lasting_connection import Connection

#: Seconds without use after which a connection is opened again: a server or a firewall may have ended it meanwhile,
#: and a write over it would leave open whether it was done.
_FRESH = 20.0


class Connections:
    """The connections of the door's account, one a thread, opened when they are used first."""

    def __init__(self, url: str, timeout: int) -> None:
        """Take the URL, and the time-out of a statement in whole seconds."""
        self._url = url
        self._timeout = timeout
        self._local = threading.local()

    @contextmanager
    def own(self) -> Iterator[Connection]:
        """Lend this thread its connection."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = Connection(self._url, timeout=self._timeout)
        elif time.monotonic() - self._local.used > _FRESH:
            connection.close()
        try:
            yield connection
        finally:
            self._local.used = time.monotonic()
