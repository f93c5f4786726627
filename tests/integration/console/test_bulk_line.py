"""Read the line of a bulk from the moderation log, while the purger numbers it from both ends."""

from collections.abc import Iterator

import pytest

from purger.console.state.log_groups import LogGroup, read_log
from stack.databases.database import Database
from takedown_db.connection.lasting_connection import Connection
from tests.support.database.outbox_connections import Connections


@pytest.fixture
def console(database: Database) -> Iterator[Connection]:
    connection = Connection(database.url("purger"), timeout=60)
    yield connection
    connection.close()


def test_a_bulk_waits_for_its_middle_which_is_numbered_last(connections: Connections, console: Connection) -> None:
    def line() -> LogGroup:
        return read_log(console).groups[0]

    rows = ", ".join(f"('image', 'middle-{number}', 'bulk')" for number in range(5000))
    connections.run("admin", f"INSERT INTO bans (scope, subject, reason) VALUES {rows}")
    assert (line().number, line().batch) == (5000, None)
    assert (connections.number(), connections.number(after=0)) == (2000, 500)
    ends = [connections.batch(f"middle-{number}") for number in (0, 4999)]
    assert None not in ends
    assert line().batch is None, "both ends have a number, and the middle has none"
    connections.number_all()
    assert connections.batch("middle-4400") not in ends
    assert line().batch == connections.batch("middle-4400"), "the last batch that each edge must acknowledge"
