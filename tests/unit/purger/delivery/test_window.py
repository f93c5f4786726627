"""Bound what is in flight to an edge, without an edge."""

import pytest

from purger.delivery.window import Window


def filled(window: Window, *, distance: float, work: float, answers: int = 300) -> int:
    """Keep as many requests in flight as the window allows; an edge takes ``work`` seconds for each, in turn."""
    window.answered(distance + work, lone=True, full=False)
    for _ in range(answers):
        window.answered(distance + window.size * work, lone=False, full=True)
    return window.size


@pytest.mark.parametrize("work", [0.06, 0.2, 2.0])
def test_a_heartbeat_waits_behind_two_requests_at_most_where_each_takes_long(work: float) -> None:
    assert filled(Window(), distance=0.001, work=work) <= 2


@pytest.mark.parametrize("distance", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("work", [0.0005, 0.005])
def test_a_heartbeat_waits_no_longer_than_a_little_at_an_edge_that_is_near_or_far(distance: float, work: float) -> None:
    window = Window()
    assert filled(window, distance=distance, work=work) * work < 0.07


def test_many_are_in_flight_to_an_edge_that_is_far_away_and_quick() -> None:
    assert filled(Window(), distance=0.3, work=0.0001) == 128


def test_an_edge_that_becomes_slow_gets_fewer() -> None:
    window = Window()
    assert filled(window, distance=0.1, work=0.0001) == 128
    for _ in range(200):
        window.answered(0.1 + window.size * 0.2, lone=False, full=True)
    assert window.size == 1
