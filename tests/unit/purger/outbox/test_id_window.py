"""Remember the largest id of each moment, so that the fast poll reads only rows of the last second."""

from purger.outbox.id_window import IdWindow


def test_the_window_holds_the_ids_of_the_last_second() -> None:
    window = IdWindow(1.0)
    assert window.start(100.0) is None
    for at, largest in ((100.0, 5), (100.5, 9), (101.0, 20)):
        window.note(largest, at=at)
    assert window.start(100.9) is None
    assert window.start(101.0) == 5
    assert window.start(101.5) == 5
    window.note(30, at=101.5)
    assert window.start(101.5) == 9
    window.note(3, at=102.6)  # the database has gone back
    assert window.start(102.6) is None


def test_a_narrowed_window_begins_at_its_id_until_later_ids_are_old() -> None:
    window = IdWindow(1.0)
    window.note(5, at=100.0)
    window.note(900, at=101.0)
    window.narrow(400, at=101.0)
    assert window.start(101.0) == 400
    window.note(950, at=101.1)
    assert window.start(102.0) == 400
    window.note(990, at=102.1)
    assert window.start(102.1) == 950
