"""Tell a log that nobody signs any more from one whose next checkpoint is about to come."""

from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from purger.fleet.problems import find_problems
from purger.fleet.state import FleetState
from purger.fleet.status import unsigned_leaves
from takedown_db.connection.lasting_connection import Connection

NOW = datetime(2026, 11, 26, 12, 0, 0)


class Answer:
    """A connection that answers the one statement with rows."""

    def __init__(self, *rows: tuple[Any, ...]) -> None:
        self._rows = list(rows)

    def rows(self, name: str) -> list[tuple[Any, ...]]:
        assert name == "log_unsigned"
        return self._rows


def leaf(age: float) -> bytes:
    return f'{{"at":"{(NOW - timedelta(seconds=age)).isoformat(timespec="microseconds")}Z","kind":"x"}}'.encode()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (leaf(30), 3),
        (leaf(1), 0),
        (None, 3),  # pruned
        (b"{", 3),  # altered
        (b'{"at":"yesterday","kind":"x"}', 3),
        (b'{"at":"2026-11-26T11:00:00+01:00","kind":"x"}', 3),
        (b'{"kind":"x"}', 3),
    ],
)
def test_leaves_that_wait_for_a_signature_are_counted(content: bytes | None, expected: int) -> None:
    row = (3, content, NOW)
    assert unsigned_leaves(cast(Connection, Answer(row))) == expected


def test_a_log_that_is_signed_or_never_was_is_no_problem() -> None:
    assert unsigned_leaves(cast(Connection, Answer())) == 0


def test_the_problem_says_how_many_leaves_wait_and_what_to_do() -> None:
    problems = {problem.what: problem.do for problem in find_problems(FleetState(unsigned=3))}
    assert "--log-key-file" in problems["nobody signs the log any more: 3 leaves behind its last checkpoint"]
