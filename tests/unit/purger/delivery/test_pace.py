"""Decide when a loop begins rounds and opens connections, by moments that are given."""

from purger.delivery.pace import Pace


def test_a_ban_that_comes_alone_is_announced_at_once_and_the_next_one_after_a_multiple_of_a_rounds_time() -> None:
    pace = Pace()
    assert pace.announced(1, at=100.0) == 1
    assert pace.announced(2, at=100.0) == 2, "nothing is known of rounds yet"
    pace.round_took(0.03)
    assert pace.announced(3, at=100.01) == 3
    assert [pace.announced(4, at=moment) for moment in (100.02, 100.12)] == [3, 3]
    assert [pace.announced(head, at=100.131) for head in (4, 5)] == [4, 4]
    assert pace.announced(9, at=100.4) == 9


def test_a_round_that_takes_long_delays_the_next_one_by_half_a_second_at_most() -> None:
    pace = Pace()
    pace.round_took(10.0)
    assert pace.announced(1, at=100.0) == 1
    assert pace.announced(2, at=100.5) == 2


def test_a_database_that_went_back_is_announced_at_once() -> None:
    pace = Pace()
    pace.round_took(0.1)
    assert pace.announced(8, at=100.0) == 8
    assert pace.announced(3, at=100.001) == 3


def test_few_edges_are_no_crowd() -> None:
    pace = Pace()
    for seconds, crowded in ((0.0, False), (0.01, False), (0.06, True), (0.005, False)):
        pace.round_took(seconds)
        assert pace.crowded is crowded


def test_all_edges_together_open_a_few_connections_at_a_time() -> None:
    pace = Pace()
    assert [pace.may_connect(moment) for moment in (100.0, 100.01, 100.04, 100.051, 100.09)] == [
        *(True, False, False, True, False)
    ]
