"""Reads the state of the fleet once for all viewers of the console, as long as there are any."""

import logging
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from purger.console.state.takedowns import LatestTakedowns, read_takedowns
from purger.fleet.problems import Problem, find_problems
from purger.fleet.state import FleetState
from purger.fleet.status import read_state
from purger.loop_thread import LoopThread
from purger.problem_log import ProblemLog
from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.connection.lasting_connection import Connection

log = logging.getLogger(__name__)

#: Seconds between two reads while a page is open; and as a multiple of the time that a read takes, as each asks every
#: edge of a large fleet.
_REST = 1.0
_SHARE = 4

#: Seconds for which a page counts as open after its last request.
_WATCHED = 15.0

#: Seconds that a request waits for a first read.
PATIENCE = 4.0


@dataclass(frozen=True, slots=True)
class Overview:
    """The fleet and its latest takedowns, read at ``at`` (UTC, this machine's clock)."""

    at: datetime
    state: FleetState
    problems: tuple[Problem, ...]
    takedowns: LatestTakedowns = field(default_factory=LatestTakedowns)


class FleetWatch(LoopThread):
    """The thread that reads, with a connection of its own. It rests while no page is open."""

    def __init__(self, connection: Connection, stop: threading.Event) -> None:
        super().__init__(
            "console fleet",
            stop,
            ProblemLog(log, "the console's view of the fleet"),
            bug_effect="the console shows an old state; deliveries go on",
            daemon=True,
        )
        self._connection = connection
        self._changed = threading.Condition()
        self._overview: Overview | None = None
        self._read_at = float("-inf")  # by the monotonic clock
        self._asked_at = float("-inf")

    def latest(self) -> Overview | None:
        """Return the latest overview, not much older than a read takes. Waits after a rest. None: no read has ended."""
        with self._changed:
            now = time.monotonic()
            rested = now - self._asked_at > _WATCHED
            self._asked_at = now
            self._changed.notify_all()
            if self._overview is None or rested:
                self._changed.wait_for(lambda: self._read_at >= now or self._halt.is_set(), PATIENCE)
            return self._overview

    def work(self) -> float:
        """Read once if a page is open, or else wait until one is; return the seconds to rest."""
        with self._changed:
            asked = self._changed.wait_for(lambda: time.monotonic() - self._asked_at < _WATCHED, timeout=2.0)
        if not asked:
            return 0.0
        began = time.monotonic()
        state = read_state(self._connection)
        takedowns = LatestTakedowns()
        if state.unusable is None:
            try:
                takedowns = read_takedowns(self._connection, len(state.edges))
            except DatabaseUnavailableError as error:
                state = FleetState(unusable=str(error))
        overview = Overview(datetime.now(UTC).replace(tzinfo=None), state, tuple(find_problems(state)), takedowns)
        with self._changed:
            self._overview, self._read_at = overview, time.monotonic()
            self._changed.notify_all()
        return max(_REST, _SHARE * (time.monotonic() - began))

    def finish(self) -> None:
        """Close the connection."""
        self._connection.close()
