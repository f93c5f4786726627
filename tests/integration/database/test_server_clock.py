"""Step the clocks of test servers: a step moves only its own servers, at once, and shortens no wait."""

import time
from pathlib import Path

import pytest

from stack.databases.database import Database
from stack.edges.edge import Edge
from stack.processes.ports import free_port
from tests.support.database.server_clock import ServerClock

#: Difference of two clocks in seconds that counts as none: more than any answer takes on a busy machine.
CLOSE = 600.0


@pytest.mark.parametrize("step", [3600.0, -3600.0])
def test_an_edge_goes_by_its_clock_at_once(tmp_path: Path, step: float) -> None:
    clock = ServerClock(tmp_path / "clock")
    # Above this parameter varnishd ends when a connection that was opened before a step back closes after it.
    edge = Edge(tmp_path / "edge", f"127.0.0.1:{free_port()}", parameters={"clock_step": 100_000})
    clock.govern(edge)

    def ahead() -> float:
        return float(edge.ask("HEARTBEAT").headers["Takedown-Now"]) - time.time()

    with edge:
        assert abs(ahead()) < CLOSE
        with clock.stepped(step):
            assert abs(ahead() - step) < CLOSE
        assert abs(ahead()) < CLOSE


def test_a_database_goes_by_its_clock_and_still_sleeps_for_as_long_as_it_is_told(tmp_path: Path) -> None:
    clock = ServerClock(tmp_path / "clock")
    database = Database(tmp_path / "database")
    clock.govern(database)
    with database:
        database.migrate()
        with database.connect_admin() as connection, connection.cursor() as cursor, clock.stepped(-3600.0):
            cursor.execute("SELECT UNIX_TIMESTAMP(NOW(6)), SLEEP(0.1)")
            ((said, interrupted),) = cursor.fetchall()
    assert abs(float(str(said)) - time.time() + 3600.0) < CLOSE
    assert interrupted == 0
