"""Find reads that contradict a receipt: an image was shown after the receipt of its removal."""

from tests.chaos.history import BANNED, Change, History, Other, Read, State, Window
from tests.chaos.judging.receipt_checks import contradictions

GONE = {("edge1", "cat"): [12.0]}


def history(*changes: Change, window: Window | None = None) -> History:
    return History({"cat": list(changes)}, [window] if window else [])


def read(saw: State | Other, sent: float, edge: str = "edge1") -> Read:
    return Read(edge, "cat", "cat", sent, sent + 0.1, saw)


BAN = (Change(1, 0, 1), Change(BANNED, 10, 11))


def test_a_read_of_what_was_seen_gone_contradicts_the_receipt() -> None:
    (violation,) = contradictions(GONE, [read(1, 13)], history(*BAN))
    assert (violation.kind, violation.edge) == ("receipt", "edge1")


def test_what_was_read_before_or_elsewhere_or_shows_no_image_does_not() -> None:
    reads = [read(1, 11.5), read(1, 13, "edge2"), read(BANNED, 13), read(Other.REFUSED, 13)]
    assert contradictions(GONE, reads, history(*BAN)) == []


def test_what_was_lifted_may_be_shown_and_a_second_ban_needs_its_own_receipt() -> None:
    lifted = (*BAN, Change(1, 12.5, 12.6))
    assert contradictions(GONE, [read(1, 13)], history(*lifted)) == []
    again = (*lifted, Change(BANNED, 14, 14.1))
    assert contradictions(GONE, [read(1, 15)], history(*again)) == []


def test_a_fault_that_brings_back_what_was_gone_explains_it_at_its_edge_alone() -> None:
    def window(edge: str) -> Window:
        return Window("back", 12.5, 14, 5, frozenset({edge}), revives=True)

    assert contradictions(GONE, [read(1, 13)], history(*BAN, window=window("edge1"))) == []
    assert len(contradictions(GONE, [read(1, 13)], history(*BAN, window=window("edge2")))) == 1
    assert len(contradictions(GONE, [read(1, 14.5)], history(*BAN, window=window("edge1")))) == 1


def test_what_was_seen_gone_under_one_url_says_nothing_of_another() -> None:
    gone = {("edge1", "/files/cat"): [12.0]}
    reads = [Read("edge1", "cat", path, 13, 13.1, 1) for path in ("/files/cat", "/files/thumb/cat")]
    assert [each.read for each in contradictions(gone, reads, history(*BAN))] == reads[:1]
