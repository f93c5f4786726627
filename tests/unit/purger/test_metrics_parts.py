"""Check what a purger's metrics are made of: modes and leases, counts of requests, and waits."""

import time
from typing import Any, cast

import pytest

from purger.delivery.session import EdgeMode
from purger.edge.errors import SlowError
from purger.edge.purge_request import FLUSH, late_flush, purge
from purger.records.pending import Pending
from purger.records.takedown_lines import Histogram
from purger.records.tally import METHODS, DeliveryKey, Tally
from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.connection.lasting_connection import Connection


def test_a_lease_is_counted_down_by_the_edges_own_clock() -> None:
    edge = EdgeMode()
    assert (edge.at(0.0), edge.lease_left(0.0)) == ("unknown", None)
    edge.heard("trusted", left=9.0, at=50.0)
    assert (edge.at(50.0), edge.lease_left(50.0)) == ("trusted", 9.0)
    assert (edge.at(58.0), edge.lease_left(58.0)) == ("trusted", 1.0)


def test_an_edge_whose_lease_has_run_out_counts_as_fail_safe_also_where_it_cannot_be_asked() -> None:
    edge = EdgeMode()
    edge.heard("trusted", left=9.0, at=50.0)
    assert (edge.at(59.0), edge.lease_left(60.0)) == ("fail-safe", 0.0)


@pytest.mark.parametrize("left", [None, 0.0, 3600.0])  # of no lease, and of an epoch in the future
def test_an_edge_in_fail_safe_mode_has_no_lease_left(left: float | None) -> None:
    edge = EdgeMode()
    edge.heard("fail-safe", left=left, at=50.0)
    assert (edge.at(50.0), edge.lease_left(50.0)) == ("fail-safe", 0.0)


def test_an_edge_without_a_purger_has_no_lease_that_could_be_lost() -> None:
    edge = EdgeMode()
    edge.heard("unguarded", left=0.0, at=50.0)
    assert (edge.at(50.0), edge.lease_left(50.0)) == ("unguarded", None)


@pytest.mark.parametrize("mode", ["trusted", "unguarded", "\x1b[0m", None])
def test_an_edge_that_does_not_tell_its_lease_has_no_number(mode: str | None) -> None:
    edge = EdgeMode()
    edge.heard(mode, left=None, at=50.0)
    assert edge.lease_left(50.0) is None
    assert edge.at(50.0) == (mode if mode in ("trusted", "unguarded") else "unknown")


def test_requests_are_counted_by_edge_method_and_result() -> None:
    tally = Tally()
    with tally.delivery("edge1", "purge"):
        pass
    for _ in range(2):
        with pytest.raises(SlowError), tally.delivery("edge1", "purge"):
            raise SlowError
    assert tally.deliveries() == {
        DeliveryKey("edge1", "purge", "acknowledged"): 1,
        DeliveryKey("edge1", "purge", "too slow"): 2,
    }


def test_requests_are_counted_by_methods_that_the_page_names() -> None:
    requests = [purge("i:x"), FLUSH, late_flush(5)]
    assert [request.kind for request in requests] == ["purge", "flush", "flush"]
    assert {request.kind for request in requests} <= {*METHODS}


def test_a_value_is_counted_in_the_bucket_that_ends_at_it() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 9.0):
        histogram.observe(value)
    histogram.observe(2.0, times=3)
    assert (histogram.counts, histogram.total) == ([2, 4, 1], 18.0)


class _Database:
    """Answers what ``Pending`` reads."""

    def __init__(self) -> None:
        self.delays: list[tuple[str, float]] = []
        self.unnumbered = False
        self.away = False
        self.asked: list[str] = []

    def rows(self, name: str) -> list[tuple[Any, ...]]:
        if self.away:
            raise DatabaseUnavailableError
        if name == "log_backlog":
            return []
        self.asked.append(name)
        return [*self.delays] if name == "edge_delays" else [(1, 0, self.unnumbered, False)]


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_the_oldest_change_is_that_of_the_edge_that_waits_longest(now: list[float]) -> None:
    edges = {"edge1": 7, "edge2": 6, "edge3": 5}
    database, pending = _Database(), Pending(lambda: edges, lambda: 7)
    connection = cast(Connection, database)
    database.delays = [("edge2", 1.5), ("edge3", 4.0), ("another purger's", 99.0)]
    pending.read(connection)
    assert pending.oldest() == 4.0
    now[0] += 0.5
    assert pending.oldest() == 4.5
    edges |= {"edge2": 7, "edge3": 7}
    now[0] += 0.5
    pending.read(connection)
    assert pending.oldest() == 0.0
    database.asked.clear()
    now[0] += 1.0
    pending.read(connection)
    assert database.asked == ["outbox_head"]  # an idle purger asks for no more


def test_a_change_without_a_number_waits_too(now: list[float]) -> None:
    database, pending = _Database(), Pending(dict, lambda: 7)
    connection = cast(Connection, database)
    database.unnumbered = True
    pending.read(connection)
    assert pending.oldest() == 0.0
    now[0] += 2.0
    pending.read(connection)
    assert pending.oldest() == 2.0


def test_the_wait_goes_on_while_the_database_is_away(now: list[float]) -> None:
    database, pending = _Database(), Pending(lambda: {"edge1": 6}, lambda: 7)
    connection = cast(Connection, database)
    database.delays = [("edge1", 1.0)]
    pending.read(connection)
    database.away = True
    now[0] += 30.0
    with pytest.raises(DatabaseUnavailableError):
        pending.read(connection)
    assert pending.oldest() == 31.0


def test_an_edge_whose_next_batch_was_pruned_waits_since_it_was_seen_to(now: list[float]) -> None:
    database, pending = _Database(), Pending(lambda: {"edge1": 6}, lambda: 7)
    connection = cast(Connection, database)
    pending.read(connection)
    now[0] += 3.0
    pending.read(connection)
    assert pending.oldest() == 3.0
