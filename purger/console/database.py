"""Lends the console's own connections to the database to its threads, a few of each account."""

import queue
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.connection.lasting_connection import Connection

#: Connections of each account. A request beyond these waits for so many seconds.
_EACH = 2
_PATIENCE = 3.0


class _Pool:
    """Connections of one account, opened when they are used first."""

    def __init__(self, new: Callable[[], Connection]) -> None:
        self._idle: queue.LifoQueue[Connection] = queue.LifoQueue()
        for _ in range(_EACH):
            self._idle.put(new())

    @contextmanager
    def lent(self) -> Iterator[Connection]:
        try:
            connection = self._idle.get(timeout=_PATIENCE)
        except queue.Empty:
            raise DatabaseUnavailableError("the console's connections are busy") from None
        try:
            yield connection
        finally:
            self._idle.put(connection)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while not self._idle.empty():
            self._idle.get().close()


class Databases:
    """The connections with the purger's account and, where there is one, with moderation's."""

    def __init__(self, url: str, moderation_url: str | None, timeout: int) -> None:
        """Take the URLs, and the time-out of a statement in whole seconds."""
        self._reading = _Pool(lambda: Connection(url, timeout=timeout))
        self._moderating = _Pool(lambda: Connection(moderation_url, timeout=timeout)) if moderation_url else None

    @property
    def moderates(self) -> bool:
        """Tell whether there is moderation's account."""
        return self._moderating is not None

    def reading(self) -> AbstractContextManager[Connection]:
        """Lend a connection with the purger's account. Raises ``DatabaseUnavailableError`` while all are busy."""
        return self._reading.lent()

    def moderating(self) -> AbstractContextManager[Connection]:
        """Lend a connection with moderation's account, of which there has to be one."""
        if self._moderating is None:
            raise DatabaseUnavailableError("the console has no account of moderation")
        return self._moderating.lent()

    def close(self) -> None:
        """Close all that are idle."""
        self._reading.close()
        if self._moderating is not None:
            self._moderating.close()
