"""Repeat the work of a thread: no error ends it, and each problem is logged once."""

import logging
import threading

import pytest

from purger.loop_thread import LoopThread
from purger.problem_log import ProblemLog
from takedown_db.connection.errors import DatabaseUnavailableError


class Loop(LoopThread):
    """Raises the given errors, one each time, and then stops itself."""

    def __init__(self, *errors: Exception) -> None:
        self.stop = threading.Event()
        problem = ProblemLog(logging.getLogger("loop"), "the loop")
        super().__init__("loop", self.stop, problem, bug_effect="nothing moves")
        self.errors = list(errors)
        self.finished = 0

    def work(self) -> float:
        if self.errors:
            raise self.errors.pop(0)
        self.stop.set()
        return 60.0

    def finish(self) -> None:
        self.finished += 1


def test_a_thread_goes_on_after_any_error_and_finishes_once_when_stopped() -> None:
    loop = Loop(ValueError(), DatabaseUnavailableError("away"), KeyError())
    loop.run()
    assert (loop.errors, loop.finished) == ([], 1)


def test_a_bug_is_logged_once_with_its_traceback_until_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        Loop(ValueError("one"), ValueError("two")).run()
    assert [record.getMessage() for record in caplog.records] == [
        "the loop is not understood: this is a bug; nothing moves",
        "in the thread loop",
        "the loop is no longer not understood",
    ]
    assert "ValueError: one" in caplog.text
