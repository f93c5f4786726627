"""Records in the database once a second that this purger is alive, as long as its polls succeed."""

import logging
import os
import re
import secrets
import socket
import threading
import time
from importlib.metadata import version

from purger.loop_thread import LoopThread
from purger.model import PurgerPresence
from purger.problem_log import ProblemLog
from takedown_db.errors import DatabaseUnavailableError
from takedown_db.lasting_connection import Connection
from takedown_db.printable import printable

log = logging.getLogger(__name__)

#: Seconds between two signatures.
_INTERVAL = 1.0

#: Seconds since the start between two tests whether the first poll went well.
_BEFORE_FIRST_POLL = 0.1

#: Seconds since the last poll that went well after which nothing is signed.
_POLLED = 2.0

#: Seconds between removals of what purgers that are long gone have left.
_TIDY_INTERVAL = 3600.0


def present(connection: Connection) -> list[PurgerPresence]:
    """Read the purgers that have signed within the last day, the latest first. Raises ``DatabaseUnavailableError``."""
    return [PurgerPresence(*row) for row in connection.rows("purgers_present")]


class Presence(LoopThread):
    """Signs while polls succeed: a purger that is killed, frozen or cut off from the database stops signing."""

    def __init__(self, connection: Connection, stop: threading.Event) -> None:
        problem = ProblemLog(log, "the sign of presence")
        super().__init__("presence", stop, problem, bug_effect="`purger status` calls this purger dead")
        self._connection = connection
        self._began = time.monotonic()
        self._polled: float | None = None
        self._tidied: float | None = None
        self._values = {
            "id": secrets.token_hex(16),
            "host": printable(socket.gethostname())[:255],
            "pid": os.getpid(),
            "version": re.sub(r"[^!-~]", "", version("edge-takedown"))[:64],
        }

    def polled(self) -> None:
        """Note that a poll went well just now."""
        self._polled = time.monotonic()

    def work(self) -> float:
        """Sign if a poll went well lately; return the seconds to rest."""
        if self._polled is None:
            return _BEFORE_FIRST_POLL
        if time.monotonic() - self._polled <= _POLLED:
            self._sign()
        return _INTERVAL

    def finish(self) -> None:
        """Remove the signature."""
        try:
            self._connection.run("end_presence", id=self._values["id"])
        except DatabaseUnavailableError as error:
            log.debug("presence is left behind: %s", error)
        self._connection.close()

    def _sign(self) -> None:
        self._connection.run("sign_presence", **self._values, seconds=int(time.monotonic() - self._began))
        if self._tidied is None or time.monotonic() - self._tidied > _TIDY_INTERVAL:
            self._connection.run("forget_purgers")
            self._tidied = time.monotonic()
