"""Wait longer after each failure, up to a bound."""

from purger.backoff import Backoff


def test_waits_grow_are_bounded_and_start_again() -> None:
    backoff = Backoff(0.1, 3.0)
    waits = [backoff.next() for _ in range(50)]
    assert 0.05 <= waits[0] <= 0.1
    assert all(wait <= 3.0 for wait in waits)
    assert min(waits[10:]) >= 1.5
    backoff.reset()
    assert backoff.next() <= 0.1
