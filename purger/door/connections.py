"""Keeps a database connection for each thread of the door."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.connection.lasting_connection import Connection

#: Seconds without use after which the server is asked first whether it answers over a connection. It or a firewall may
#: have ended that meanwhile, and a write would leave open whether it was done. Under load nothing is asked.
_FRESH = 0.05

#: Seconds within which a connection fails that the server has ended before. A server that is away takes longer, and is
#: not asked twice.
_AT_ONCE = 0.2


class Connections:
    """The connections of the door's account, one a thread, opened when they are used first."""

    def __init__(self, url: str, timeout: int) -> None:
        """Take the URL, and the time-out of a statement in whole seconds."""
        self._url = url
        self._timeout = timeout
        self._local = threading.local()

    @contextmanager
    def own(self) -> Iterator[Connection]:
        """Lend this thread its connection. Raises ``DatabaseUnavailableError``."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = Connection(self._url, timeout=self._timeout)
        elif time.monotonic() - self._local.used > _FRESH:
            began = time.monotonic()
            if not connection.answers() and time.monotonic() - began > _AT_ONCE:
                raise DatabaseUnavailableError("the server gives no answer")
        try:
            yield connection
        finally:
            self._local.used = time.monotonic()
