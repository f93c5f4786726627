"""Compare a database with its signed log: a whole one is clean, and whatever is altered is named."""

from collections.abc import Iterator

import pytest

from stack.database import Database
from tests.support.logged_past import LoggedPast


@pytest.fixture(scope="module")
def lived(database: Database) -> Iterator[LoggedPast]:
    with LoggedPast(database) as past:
        past.begin()
        past.live()
        yield past


def test_what_was_written_as_it_happened_is_clean(lived: LoggedPast) -> None:
    report = lived.audit()
    assert [finding.text() for finding in report.findings] == []
    assert report.unchecked == []
    assert report.leaves == report.signed > 40
