"""Repeats one piece of work in a thread until it is stopped, whatever errors the work raises."""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

from purger.problem_log import ProblemLog
from takedown_db.connection.errors import DatabaseUnavailableError

log = logging.getLogger(__name__)

#: Seconds of rest after an error.
ERROR_REST = 0.5

_Thread = TypeVar("_Thread", bound=threading.Thread)


class LoopThread(threading.Thread, ABC):
    """A thread that calls ``work`` until it is stopped, and then ``finish`` once."""

    def __init__(
        self, name: str, stop: threading.Event, problem: ProblemLog, *, bug_effect: str, daemon: bool = False
    ) -> None:
        """Name the thread, which ends soon after ``stop`` is set.

        ``problem`` logs errors once while they last, those that nobody expected with their effect on the fleet.
        """
        super().__init__(name=name, daemon=daemon)
        self._halt = stop
        self._problem = problem
        self._bug_effect = bug_effect

    @abstractmethod
    def work(self) -> float:
        """Do one piece of work; return the seconds to rest after it."""

    def database_failed(self, error: DatabaseUnavailableError) -> float:
        """Note that the work could not use the database; return the seconds to rest."""
        log.debug("%s puts its work off: %s", self.name, error)  # the poller logs that the database is away
        return ERROR_REST

    def unexpected(self, error: Exception) -> float:
        """Log an error that only a bug can raise, with its traceback; return the seconds to rest."""
        if self._problem.begin("not understood", f"this is a bug; {self._bug_effect}"):
            log.error("in the thread %s", self.name, exc_info=error)
        return ERROR_REST

    def finish(self) -> None:
        """Release the resources of this thread, after the last ``work``."""

    def run(self) -> None:
        """Work until stopped. No error ends the thread: the edges depend on it."""
        while not self._halt.is_set():
            self._halt.wait(self.guarded(self.work))
        self.finish()

    def guarded(self, work: Callable[[], float]) -> float:
        """Do ``work`` and handle its errors; return the seconds to rest after it."""
        try:
            rest = work()
        except DatabaseUnavailableError as error:
            return self.database_failed(error)
        except Exception as error:
            return self.unexpected(error)
        self._problem.end()
        return rest


def join_all(threads: Sequence[_Thread], seconds: float) -> list[_Thread]:
    """Wait for stopped threads, so many seconds in all; return those that still run."""
    until = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return [thread for thread in threads if thread.is_alive()]
