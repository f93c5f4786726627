"""Group the newest entries of the moderation log: single bans, bulks of any size, and what lies behind a bulk."""

from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from purger.console.state.log_groups import LogGroup, LogRow, read_log
from takedown_db.connection.lasting_connection import Connection

AT = datetime(2026, 11, 25)


class Log:
    """A log in memory, with the statements that read it."""

    def __init__(self) -> None:
        self.rows_by_id: dict[int, LogRow] = {}
        self.statements = 0

    def add(self, number: int, reason: str, *, batch: int | None = 1, action: str = "ban") -> None:
        """Add entries of one kind."""
        for _ in range(number):
            entry = len(self.rows_by_id) + 1
            at = AT + timedelta(seconds=entry)
            self.rows_by_id[entry] = LogRow(
                entry, action, entry, "image", f"code{entry}", reason, "anna", "account", at, entry, at, batch
            )

    def rows(self, name: str, **parameters: Any) -> list[Any]:
        """Answer a statement as the database does."""
        self.statements += 1
        if name == "console_last_batch":
            ids = range(parameters["first"], parameters["last"] + 1)
            batches = [self.rows_by_id[entry].batch for entry in ids]
            return [(None if None in batches else max(each or 0 for each in batches),)]
        if name == "console_log_end":
            return [(len(self.rows_by_id) + 1,)]
        after, before, limit = parameters["after"], parameters["before"], parameters["limit"]
        entries = range(min(before - 1, len(self.rows_by_id)), after, -1)
        return [tuple(self.rows_by_id[entry]) for entry in entries[:limit]]

    def read(self) -> list[LogGroup]:
        """Read the groups."""
        return read_log(cast(Connection, self)).groups


def test_an_empty_log_has_no_groups() -> None:
    assert Log().read() == []


def test_single_bans_stay_single_also_of_the_same_person_and_reason() -> None:
    log = Log()
    for batch in range(5):
        log.add(1, "spam", batch=batch)
    assert [(group.number, group.batch) for group in log.read()] == [(1, 4), (1, 3), (1, 2), (1, 1), (1, 0)]


def test_bans_that_were_numbered_together_are_one_group() -> None:
    log = Log()
    log.add(3, "spam", batch=1)
    log.add(2, "other", batch=1)
    log.add(2, "other", batch=2)
    assert [(group.number, group.is_bulk) for group in log.read()] == [(2, False), (2, False), (3, False)]


@pytest.mark.parametrize("size", [21, 299, 300, 301, 700, 1000, 60_000, 123_457])
def test_a_bulk_of_many_batches_is_one_group_and_hides_nothing_behind_it(size: int) -> None:
    log = Log()
    log.add(1, "before", batch=1)
    log.add(1, "court", batch=2)
    for batch in range(3, 3 + size // 2000 + 1):
        log.add(min(2000, size - 2000 * (batch - 3)), "bulk", batch=batch)
    log.add(1, "urgent", batch=2)
    log.statements = 0
    groups = log.read()
    assert [group.rows[0].reason for group in groups] == ["urgent", "bulk", "court", "before"]
    assert groups[1].is_bulk
    assert groups[1].number == size
    assert {row.id for row in groups[1].rows} >= {3, size + 2}, "its oldest and its newest entry"
    assert log.statements < 70


def test_a_bulk_waits_while_any_of_it_has_no_number() -> None:
    log = Log()
    log.add(30, "bulk", batch=None)
    log.add(30, "bulk", batch=7)
    (group,) = log.read()
    assert (group.number, group.batch, group.written_at) == (60, None, AT + timedelta(seconds=1))
