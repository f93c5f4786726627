"""Decide when a loop begins rounds and opens connections, by moments that are given."""

import pytest

from purger.delivery.pace import Pace


def test_the_next_round_may_begin_after_a_multiple_of_the_time_that_the_last_one_took() -> None:
    pace = Pace()
    pace.begin_round(1, at=100.0)
    assert pace.next_round == 100.0, "nothing is known of rounds yet"
    pace.round_took(0.03, 1000)
    pace.begin_round(3, at=101.0)
    assert pace.announced == 3
    assert pace.next_round == pytest.approx(101.12)


def test_a_round_that_takes_long_delays_the_next_one_by_half_a_second_at_most() -> None:
    pace = Pace()
    pace.round_took(10.0, 1000)
    pace.begin_round(1, at=100.0)
    assert pace.next_round == 100.5


def test_few_edges_are_no_crowd_whatever_holds_them_up() -> None:
    pace = Pace()
    for seconds, workers, crowded in (
        (0.01, 1000, False),
        (0.06, 1000, True),
        (10.0, 100, False),
        (0.005, 1000, False),
    ):
        pace.round_took(seconds, workers)
        assert pace.crowded is crowded


def test_all_edges_together_open_a_few_connections_at_a_time() -> None:
    pace = Pace()
    assert [pace.may_connect(moment) for moment in (100.0, 100.01, 100.04, 100.051, 100.09)] == [
        *(True, False, False, True, False)
    ]
