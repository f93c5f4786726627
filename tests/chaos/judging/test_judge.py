"""Plant each kind of violation in a history: the judge finds it, and nothing where there is none."""

import pytest

from tests.chaos.history import BANNED, Change, History, Other, Read, Stall, State, Window
from tests.chaos.judging.judge import LONGEST_WAIT, SLACK, Judge, starving

#: Bound under a fault, in seconds; without a fault it is 1.0.
FAULT = 5.0


def read(sent: float, saw: State | Other, answered: float | None = None, edge: str = "edge1") -> Read:
    return Read(edge, "image", "original", sent, sent + 0.01 if answered is None else answered, saw)


def banned_at_10(*windows: Window, stalls: tuple[Stall, ...] = ()) -> Judge:
    """Make a history: version 1, then a ban by a statement that was sent at 10.0 and returned at 10.1."""
    return Judge({"image": [Change(1, 0.0, 0.0), Change(BANNED, 10.0, 10.1)]}, windows, stalls)


def kind(judge: Judge, seen: Read) -> str | None:
    violation = judge.judge(seen).violation
    return violation.kind if violation else None


@pytest.mark.parametrize(
    ("sent", "saw", "expected"),
    [
        (5.0, 1, None),
        (11.1, 1, None),  # just within a second of the commit's return
        (11.1 + SLACK + 0.01, 1, "leak"),
        (500.0, 1, "leak"),  # lost for ever
        (5.0, BANNED, "early"),
        (10.0, BANNED, None),  # the commit takes effect before it returns
        (12.0, BANNED, None),
        (12.0, Other.REFUSED, None),
        (12.0, Other.FAILED, None),
        (12.0, Other.FOREIGN, "foreign"),
        (5.0, 2, "early"),  # a version that was never imported
    ],
)
def test_an_original_may_be_read_until_a_second_after_its_ban(
    sent: float, saw: State | Other, expected: str | None
) -> None:
    assert kind(banned_at_10(), read(sent, saw)) == expected


def test_a_read_is_judged_by_when_it_was_sent() -> None:
    assert kind(banned_at_10(), read(9.9, 1, answered=60.0)) is None, "its fetch was held across the ban"
    assert kind(banned_at_10(), read(9.0, BANNED, answered=10.0)) is None, "it saw the ban before the moderator did"
    assert kind(banned_at_10(), read(12.0, 1, answered=12.0)) == "leak"


def test_the_delay_is_counted_from_the_return_of_the_commit() -> None:
    assert banned_at_10().judge(read(10.9, 1)).delay == pytest.approx(0.8)
    assert banned_at_10().judge(read(10.05, 1)).delay == 0
    assert banned_at_10().judge(read(12.1, 1)).delay == pytest.approx(2.0)
    assert banned_at_10().judge(read(30.0, BANNED)).delay == 0


def test_old_bytes_after_a_replacement_are_stale_and_after_a_later_ban_a_leak() -> None:
    changes = [Change(1, 0.0, 0.0), Change(2, 10.0, 10.1), Change(BANNED, 20.0, 20.1)]
    judge = Judge({"image": changes})
    assert kind(judge, read(11.0, 1)) is None
    assert kind(judge, read(12.0, 1)) == "stale"
    assert kind(judge, read(12.0, 2)) is None
    assert kind(judge, read(9.0, 2)) == "early"
    assert kind(judge, read(22.0, 2)) == "leak"
    assert kind(judge, read(22.0, 1)) == "leak"


def test_a_special_image_long_after_the_lift_is_stuck() -> None:
    judge = Judge({"image": [Change(1, 0.0, 0.0), Change(BANNED, 10.0, 10.1), Change(1, 20.0, 20.1)]})
    assert kind(judge, read(21.0, BANNED)) is None
    assert kind(judge, read(22.0, BANNED)) == "stuck"
    assert kind(judge, read(22.0, 1)) is None
    assert kind(judge, read(15.0, 1)) == "leak", "a lift that comes later excuses nothing"
    assert kind(judge, read(20.0, 1)) is None, "a lift counts from when its statement was sent"


def test_a_second_ban_of_a_banned_image_and_one_lift_of_two_change_nothing() -> None:
    changes = [Change(1, 0.0, 0.0), Change(BANNED, 10.0, 10.1), Change(BANNED, 20.0, 20.1)]
    judge = Judge({"image": changes})
    assert kind(judge, read(30.0, BANNED)) is None
    assert kind(judge, read(20.05, 1)) == "leak"


def test_a_commit_that_nobody_knows_the_end_of_allows_both_states() -> None:
    judge = Judge({"image": [Change(1, 0.0, 0.0), Change(BANNED, 10.0)]})
    assert kind(judge, read(100.0, 1)) is None
    assert kind(judge, read(100.0, BANNED)) is None
    assert kind(judge, read(9.0, BANNED, answered=9.9)) == "early"


@pytest.mark.parametrize(
    ("start", "end", "late"),
    [
        (0.0, 9.9, "leak"),  # it was over before the ban was sent
        (0.0, 10.0, None),
        (11.1, 20.0, None),  # it began before the second was over
        (11.2, 20.0, "leak"),  # by then the image had to be gone
    ],
)
def test_the_bound_is_longer_only_for_a_commit_that_met_a_fault(start: float, end: float, late: str | None) -> None:
    judge = banned_at_10(Window("fault", start, end, FAULT))
    assert kind(judge, read(12.0, 1)) == late
    assert kind(judge, read(10.1 + FAULT + SLACK + 0.01, 1)) == "leak"


def test_a_fault_at_one_edge_is_no_excuse_for_another() -> None:
    judge = banned_at_10(Window("fault", 0.0, 20.0, FAULT, frozenset({"edge1"})))
    assert kind(judge, read(12.0, 1)) is None
    assert kind(judge, read(12.0, 1, edge="edge2")) == "leak"


def test_a_fault_that_must_not_delay_a_takedown_does_not() -> None:
    assert kind(banned_at_10(Window("slow origin", 0.0, 20.0, bound=0.0)), read(12.0, 1)) == "leak"


def test_what_the_machine_stood_still_is_added() -> None:
    judge = banned_at_10(stalls=(Stall(10.5, 11.0), Stall(90.0, 99.0)))
    assert kind(judge, read(11.8, 1)) is None
    assert kind(judge, read(12.0, 1)) == "leak"


def starved(
    *reads: Read, windows: tuple[Window, ...] = (), stalls: tuple[Stall, ...] = (), seconds: float = 10.0
) -> list[str]:
    return [f"{found.edge}: {found.text}" for found in starving(reads, windows, stalls, ["edge1"], 0.0, seconds)]


def test_clients_are_starved_when_too_many_are_refused_or_one_waits_too_long_while_all_is_well() -> None:
    well = [read(at / 10, 1) for at in range(100)]
    refused = [read(at / 10, Other.REFUSED) for at in range(5)]
    failed = [read(at / 10, Other.FAILED) for at in range(5)]
    slow = read(3.0, 1, answered=3.1 + LONGEST_WAIT)
    assert starved(*well) == []
    assert starved(*well, refused[0]) == []
    assert len(starved(*well, *refused)) == 1
    assert len(starved(*well, *failed)) == 1
    assert len(starved(*well, slow)) == 1
    assert starved(*well, slow, stalls=(Stall(3.5, 3.7),)) == []
    assert len(starved()) == 1, "nobody was answered at all"
    assert starved(*well, *(read(1.0, Other.REFUSED, edge="edge2") for _ in range(9))) == []


def test_clients_may_be_starved_while_something_is_broken() -> None:
    refused = [read(at / 10, Other.REFUSED) for at in range(100)]
    assert starved(*refused, windows=(Window("fault", 0.0, 20.0, FAULT),)) == []
    assert starved(*refused, windows=(Window("fault", 0.0, 20.0, FAULT, frozenset({"edge2"})),))
    half = (Window("fault", 2.0, 4.0, FAULT), Window("fault", 3.0, 9.5, FAULT))
    assert starved(windows=half) != []
    assert starved(windows=half, seconds=9.6) != []
    assert starved(*(read(at, 1) for at in (0.1, 0.9, 1.8)), windows=half, seconds=9.6) == []


def test_the_history_knows_a_transaction_before_it_is_sent_and_forgets_one_that_was_rolled_back() -> None:
    history = History()
    history.finish(history.begin({"image": 1}), committed=True)
    begun = history.begin({"image": BANNED})
    judge = Judge(history.copy_changes())
    now = begun["image"].sent
    assert kind(judge, read(now + 99.0, BANNED)) is None
    assert kind(judge, read(now + 99.0, 1)) is None
    history.finish(begun, committed=False)
    assert kind(Judge(history.copy_changes()), read(now + 99.0, BANNED)) == "early"
    history.finish(history.begin({"image": BANNED}), committed=True)
    assert kind(Judge(history.copy_changes()), read(now + 99.0, 1)) == "leak"
