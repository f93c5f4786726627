"""Measures what waits: changes, for their number or for an edge that this purger follows, and what the log lacks."""

import time
from collections.abc import Callable, Mapping

from purger.model import LogBacklog
from purger.signed_log.backlog import read_backlog
from takedown_db.connection.lasting_connection import Connection

#: Seconds between two reads.
_INTERVAL = 1.0

#: Seconds between two reads of the signed log's backlog, which count all that waits there.
_LOG_INTERVAL = 5.0


class Pending:
    """The wait of the oldest change, read about once a second; one thread reads it, any may ask."""

    def __init__(self, acknowledged: Callable[[], Mapping[str, int]], head: Callable[[], int | None]) -> None:
        """Compare two batches: ``acknowledged`` returns the last one of each edge that this purger follows.

        ``head`` returns the last batch of the database; None before the first poll.
        """
        self._acknowledged = acknowledged
        self._head = head
        self._read_at = float("-inf")
        self._unnumbered_since: float | None = None
        self._behind_since: dict[str, float] = {}  # by edge
        self._waited = 0.0
        self.log = LogBacklog(begun=False)
        self._log_read_at = float("-inf")

    def oldest(self) -> float:
        """Return the seconds for which the oldest change has waited; those since the last read are added."""
        return self._waited + (time.monotonic() - self._read_at) if self._waited else 0.0

    def read(self, connection: Connection) -> None:
        """Read, if the last read is a second old. Raises ``DatabaseUnavailableError``, and keeps the last result."""
        now = time.monotonic()
        if now - self._read_at < _INTERVAL:
            return
        head = self._head()
        behind = {edge for edge, batch in self._acknowledged().items() if head is not None and batch < head}
        delays = {name: float(delay) for name, delay in connection.rows("edge_delays")} if behind else {}
        self._behind_since = {name: self._behind_since.get(name, now) for name in behind}
        # Of an edge whose next batch was pruned the database does not know since when it waits.
        waited = max((delays.get(name, now - since) for name, since in self._behind_since.items()), default=0.0)
        ((_, _, unnumbered, _),) = connection.rows("outbox_head")
        if not unnumbered:
            self._unnumbered_since = None
        elif self._unnumbered_since is None:
            self._unnumbered_since = now
        else:
            waited = max(waited, now - self._unnumbered_since)
        self._waited, self._read_at = waited, now
        if now - self._log_read_at >= _LOG_INTERVAL:
            self.log, self._log_read_at = read_backlog(connection), now
