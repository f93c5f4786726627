"""Distinguish one varnishd that was restarted from two at one address."""

from purger.progress.instances import QUESTIONS, Instances


def answered(*names: str, apart: float = 1.0) -> tuple[Instances, float]:
    instances, now = Instances(), 1000.0
    for name in names:
        now += apart
        instances.answered(name, at=now, fresh=True)
    return instances, now


def test_one_that_answers_again_and_again_is_believed_after_so_many_questions() -> None:
    instances, now = answered(*["a"] * QUESTIONS)
    assert instances.pending == 1, "the first answer only said who is there"
    instances.answered("a", at=now, fresh=False)
    assert instances.pending == 1, "over the same connection"
    instances.answered("a", at=now, fresh=True)
    assert (instances.pending, instances.several(now)) == (0, None)


def test_a_restart_is_no_second_one_but_begins_the_questions_anew() -> None:
    instances, now = answered(*["a"] * (QUESTIONS + 1), "b")
    assert (instances.pending, instances.several(now)) == (QUESTIONS, None)


def test_one_that_comes_back_tells_of_two_until_a_minute_has_passed_without() -> None:
    instances, now = answered("a", "b", "a")
    assert instances.several(now) == ("b", "a")
    assert instances.several(now + 59.0) is not None
    assert instances.several(now + 60.0) is None


def test_a_service_address_that_moved_there_and_back_is_no_second_one() -> None:
    instances, now = answered("a", "b", "a", apart=121.0)
    assert instances.several(now) is None


def test_one_that_comes_back_at_another_address_is_no_second_one() -> None:
    instances, now = answered("a", "b")
    instances.moved()
    instances.answered("a", at=now + 1.0, fresh=True)
    assert instances.several(now + 1.0) is None
    instances.answered("b", at=now + 2.0, fresh=True)
    assert instances.several(now + 2.0) is None, "b answered at the former address"
    instances.answered("a", at=now + 3.0, fresh=True)
    assert instances.several(now + 3.0) == ("b", "a")
    instances.moved()
    assert instances.several(now + 3.0) is None


def test_two_of_three_are_named() -> None:
    instances, now = answered("a", "b", "c", "a")
    assert instances.several(now) == ("c", "a")
