"""Judge who is present by signatures, whose age is by the clock of a database: it may be set, or be away."""

import pytest

from purger.fleet.present_purgers import CLAIM, PresentPurgers, Signature

TICK = 0.5


class Watch:
    """Reads the signatures of one other purger every half second."""

    def __init__(self) -> None:
        self.purgers = PresentPurgers()
        self.now = 100.0
        self.beat = 1

    def read(self, *, age: float, signed: bool = True, after: float = TICK) -> bool:
        """Read after so many seconds. Returns whether the other is present."""
        self.now += after
        self.beat += signed
        self.rest = self.purgers.read([Signature("other", self.beat, age)], at=self.now)
        return self.purgers.others == {"other"}


def test_one_that_signs_is_present_whatever_the_clocks_say() -> None:
    for age in (0.2, 3600.0, -3600.0, 5.0, -5.0):
        watch = Watch()
        watch.read(age=age)
        assert all(watch.read(age=age) for _ in range(9)), age


def test_one_that_stops_to_sign_is_absent_within_two_seconds_and_the_moment_is_told() -> None:
    watch = Watch()
    assert all(watch.read(age=0.4) for _ in range(5))
    waited = 0.0
    while watch.read(age=0.4 + waited, signed=False, after=min(TICK, watch.rest)):
        waited += min(TICK, watch.rest)
        assert waited < 2.0
    assert waited + 0.4 >= CLAIM - TICK


def test_the_next_read_is_due_when_the_other_can_turn_absent() -> None:
    watch = Watch()
    watch.read(age=1.1)
    assert watch.rest == pytest.approx(CLAIM - 1.1)
    watch.read(age=0.1)
    assert watch.rest > TICK


@pytest.mark.parametrize(("age", "present"), [(0.0, True), (1.4, True), (1.6, False), (86000.0, False), (-20.0, False)])
def test_of_one_never_seen_before_the_age_decides(age: float, present: bool) -> None:
    assert Watch().read(age=age) is present


def test_after_an_outage_the_others_get_time_to_sign_again() -> None:
    watch = Watch()
    assert watch.read(age=0.4)
    assert watch.read(age=30.4, signed=False, after=30.0)
    assert watch.read(age=32.4, signed=False, after=2.0) is True
    assert watch.read(age=0.1)


def test_one_that_does_not_come_back_after_an_outage_is_absent() -> None:
    watch = Watch()
    watch.read(age=0.4)
    waited = 30.0
    while watch.read(age=waited, signed=False, after=TICK if waited > 30 else 30.0):
        waited += TICK
    assert waited <= 33.5


def test_one_that_began_to_sign_just_before_an_outage_gets_time_too() -> None:
    watch = Watch()
    watch.purgers.read([], at=watch.now)
    assert watch.read(age=29.9, after=30.0)
    alien = PresentPurgers()
    alien.read([], at=0.0)
    alien.read([Signature("long dead", 1, 86000.0)], at=30.0)
    assert alien.others == frozenset()


def test_a_signature_of_the_same_count_is_none() -> None:
    """A purger that was killed between two reads, and whose row is deleted meanwhile, is no longer seen."""
    watch = Watch()
    assert watch.read(age=0.1)
    watch.purgers.read([], at=watch.now + TICK)
    assert watch.purgers.others == frozenset()
