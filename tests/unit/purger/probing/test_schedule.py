"""Queue the probes of edges: they take turns, rest after failures, and share the room."""

from purger.model import Edge, Row
from purger.probing.schedule import ProbeSchedule

PARIS, ROME = (Edge(name, "http://p", "http://q", "/t") for name in ("paris", "rome"))


def row(number: int) -> Row:
    return Row(number, number, "image", f"c{number}", "ban")


def schedule(*edges: Edge, waiting: int = 100) -> ProbeSchedule:
    made = ProbeSchedule(waiting)
    made.follow(edges)
    return made


def test_edges_take_turns() -> None:
    waiting = schedule(PARIS, ROME)
    waiting.put("paris", [row(1), row(2)])
    waiting.put("rome", [row(3), row(4)])
    taken = [waiting.take(now) for now in (1.0, 2.0, 3.0, 4.0)]
    assert taken == [(PARIS, row(2), 0), (ROME, row(4), 0), (PARIS, row(1), 0), (ROME, row(3), 0)], "the newest first"
    assert waiting.take(5.0) is None


def test_an_edge_that_shows_nothing_rests_for_longer_each_time_and_keeps_its_probes() -> None:
    waiting = schedule(PARIS, ROME)
    waiting.put("paris", [row(1), row(2)])
    now, rests = 1.0, []
    for _ in range(12):
        taken = waiting.take(now)
        assert taken is not None
        waiting.put_off("paris", taken[1], now=now)
        began = now
        while waiting.take(now) is None:
            now += 0.1
        waiting.put_back("paris", taken[1])
        rests.append(now - began)
    assert rests[0] < 1
    assert 10 < rests[-1] < 31
    waiting.put("rome", [row(3)])
    assert waiting.take(now) == (ROME, row(3), 0), "no other edge waits for it"


def test_an_answer_of_the_edge_ends_its_rest() -> None:
    waiting = schedule(PARIS)
    waiting.put("paris", [row(1)])
    waiting.take(1.0)
    waiting.put_off("paris", row(1), now=1.0)
    assert waiting.take(1.0) is None
    waiting.put("paris", [row(2)], at_once=True)
    assert waiting.take(1.0) == (PARIS, row(2), 0)


def test_each_edge_has_its_share_of_the_room_and_loses_its_own_oldest_probes() -> None:
    waiting = schedule(PARIS, ROME, waiting=4)
    waiting.put("paris", [row(1), row(2), row(3)])
    waiting.put("rome", [row(4), row(5)])
    waiting.put("paris", [row(6)])
    assert waiting.waiting() == 4
    taken = [waiting.take(now) for now in (1.0, 2.0, 3.0, 4.0)]
    assert taken == [(PARIS, row(6), 0), (ROME, row(5), 0), (PARIS, row(3), 0), (ROME, row(4), 0)]
    crowd = schedule(*(Edge(f"edge{number}", "http://p", "http://q", "/t") for number in range(9)), waiting=4)
    crowd.put("edge3", [row(1), row(2)])
    assert [each and each.task for each in (crowd.take(1.0), crowd.take(1.0))] == [row(2), None], "one at least"


def test_looks_from_before_a_setback_are_dropped() -> None:
    waiting = schedule(PARIS, ROME)
    waiting.put("paris", [row(1), row(2)])
    waiting.put("rome", [row(3)])
    taken = waiting.take(1.0)
    assert taken == (PARIS, row(2), 0)
    waiting.begin_anew(1)
    assert (waiting.waiting(), waiting.take(100.0)) == (0, None)
    # One that was under way, and one of a worker that has not noticed.
    waiting.put_back("paris", row(1), setbacks=0)
    waiting.put_off("paris", row(1), now=1.0, setbacks=0)
    waiting.put("paris", [row(2)], setbacks=0)
    assert (waiting.waiting(), waiting.take(100.0)) == (0, None)
    waiting.put("paris", [row(4)], setbacks=1)
    waiting.put("rome", [row(5)], setbacks=2)
    assert waiting.take(100.0) == (ROME, row(5), 2), "a worker may notice first"
    assert waiting.take(100.0) is None


def test_an_edge_that_is_no_longer_followed_makes_room_and_is_new_when_it_comes_back() -> None:
    waiting = schedule(PARIS, ROME, waiting=2)
    waiting.put("paris", [row(1), row(2)])
    assert waiting.follow([ROME]) == []
    waiting.put("paris", [row(1)])
    assert waiting.waiting() == 0
    waiting.put("rome", [row(3), row(4)])
    assert waiting.waiting() == 2
    assert waiting.follow([ROME, PARIS]) == [PARIS]


def test_a_changed_edge_is_looked_at_by_its_new_url_at_once() -> None:
    waiting = schedule(PARIS)
    waiting.put("paris", [row(1)])
    waiting.take(1.0)
    waiting.put_off("paris", row(1), now=1.0)
    moved = Edge("paris", "http://p", "http://moved", "/t")
    assert waiting.follow([moved]) == []
    assert waiting.take(1.0) == (moved, row(1), 0)


def test_a_look_that_saw_nothing_waits_behind_the_others_of_its_edge() -> None:
    waiting = schedule(PARIS)
    waiting.put("paris", [row(1), row(2)])
    waiting.take(1.0)
    waiting.put_off("paris", row(2), now=1.0)
    assert [waiting.take(100.0), waiting.take(100.0)] == [(PARIS, row(1), 0), (PARIS, row(2), 0)]


def test_an_edge_that_shows_something_again_rests_as_briefly_as_at_first() -> None:
    waiting = schedule(PARIS)
    for _ in range(12):
        waiting.put_off("paris", row(1), now=0.0)
    assert waiting.take(1.0) is None
    assert waiting.take(31.0) is not None
    waiting.answered("paris")
    waiting.put_off("paris", row(1), now=31.0)
    assert waiting.take(32.0) is not None


def test_a_look_that_is_put_back_takes_up_its_room_again() -> None:
    waiting = schedule(PARIS, waiting=2)
    waiting.put("paris", [row(1), row(2)])
    waiting.take(1.0)
    waiting.put_back("paris", row(1))
    waiting.put("paris", [row(3)])
    assert [waiting.take(1.0), waiting.waiting()] == [(PARIS, row(3), 0), 1]
