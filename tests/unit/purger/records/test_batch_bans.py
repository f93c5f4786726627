"""Find the first batch since the purger's start, however long the database takes to tell its time."""

import time
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from purger.outbox.verifier import FullyNumberedTimes
from purger.records.batch_bans import BanReader

START = 1_790_000_000.0


class SlowDatabase:
    """A database by the purger's own clock, whose answers take as long as ``durations`` say, in turn."""

    def __init__(self, *durations: float) -> None:
        self.now = START
        self.durations = list(durations)
        self.asked_since: list[float] = []

    def rows(self, name: str, **values: Any) -> list[tuple[float | None]]:
        self.now += self.durations.pop(0) if self.durations else 0.0
        if name == "clock":
            return [(self.now,)]
        self.asked_since.append(values["since"].replace(tzinfo=UTC).timestamp())
        return [(None,)]


@pytest.mark.parametrize("durations", [(), (3.0,), (3.0, 3.0), (0.0, 10.0)])
def test_a_batch_from_after_the_start_is_never_taken_for_an_earlier_one(
    durations: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = SlowDatabase(*durations)
    monkeypatch.setattr(time, "time", lambda: database.now)
    reader = BanReader(cast(Any, database), FullyNumberedTimes())
    reader.last_before(START, 1)
    (since,) = database.asked_since
    assert datetime.fromtimestamp(since, UTC) < datetime.fromtimestamp(START, UTC)
