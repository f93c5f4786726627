"""Open and close the circuit breaker before the database."""

from origin.circuit_breaker import CircuitBreaker


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_calls_pass_until_one_times_out() -> None:
    breaker = CircuitBreaker(1, Clock())
    assert breaker.allows()
    breaker.succeeded()
    assert breaker.allows()
    breaker.timed_out()
    assert not breaker.allows()


def test_after_the_pause_one_caller_tries_while_the_others_still_fail() -> None:
    breaker = CircuitBreaker(1, clock := Clock())
    breaker.timed_out()
    clock.now += 0.99
    assert not breaker.allows()
    clock.now += 0.02
    assert [breaker.allows() for _ in range(3)] == [True, False, False]


def test_a_try_that_succeeds_lets_all_pass_and_one_that_does_not_none() -> None:
    breaker = CircuitBreaker(1, clock := Clock())
    breaker.timed_out()
    clock.now += 1.01
    assert breaker.allows()
    breaker.timed_out()
    assert not breaker.allows()
    clock.now += 1.01
    assert breaker.allows()
    breaker.succeeded()
    assert all(breaker.allows() for _ in range(3))


def test_a_try_that_never_reports_is_followed_by_another() -> None:
    breaker = CircuitBreaker(1, clock := Clock())
    breaker.timed_out()
    clock.now += 1.01
    assert breaker.allows()
    clock.now += 1.01
    assert breaker.allows()
