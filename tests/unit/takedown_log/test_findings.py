"""Tell the story of a takedown by leaves: who ordered it, which edge acknowledged it, who saw the image gone."""

from typing import Any

import pytest

from takedown_log.proof import ProofError
from tests.support.log.logged_takedown import TIMES, Takedown


@pytest.fixture
def takedown() -> Takedown:
    takedown = Takedown()
    takedown.ban(takedown.edges("edge1", "edge2"))
    return takedown


def test_a_ban_that_is_gone_everywhere_lacks_nothing(takedown: Takedown) -> None:
    for edge in ("edge1", "edge2"):
        takedown.acknowledged(edge)
        takedown.seen(edge, "yes")
    (told,) = takedown.find()
    assert (told.event.action, told.event.subject, told.event.reason) == ("ban", "kX3_vQ", "court order 7")
    assert (told.event.account, told.event.banned_by) == ("desk@site", "Ann")
    assert [(each.edge, each.acknowledged_at, each.seen_at, each.gone) for each in told.edges] == [
        ("edge1", TIMES[2], TIMES[3], True),
        ("edge2", TIMES[2], TIMES[3], True),
    ]
    assert told.lacking() == ()


def test_an_edge_that_did_not_acknowledge_and_one_that_nobody_looked_at_are_told(takedown: Takedown) -> None:
    takedown.acknowledged("edge1")
    assert takedown.find()[0].lacking() == (
        "edge2 has not acknowledged it.",
        "Nobody saw it gone at edge1.",
        "Nobody saw it gone at edge2.",
    )


def test_the_last_reason_why_a_probe_proved_nothing_is_told_until_one_does(takedown: Takedown) -> None:
    for edge in ("edge1", "edge2"):
        takedown.acknowledged(edge)
        takedown.add("seen", edge=edge, row=5, at=TIMES[3], note="no connection in time")
        takedown.add("seen", edge=edge, row=5, at=TIMES[4], note="not this edge")
    takedown.seen("edge2", "yes", at=TIMES[5])
    assert takedown.find()[0].lacking() == ("Nobody saw it gone at edge1: not this edge.",)
    assert [each.seen_at for each in takedown.find()[0].edges] == [None, TIMES[5]]


def test_edges_that_are_one_server_are_named(takedown: Takedown) -> None:
    for edge in ("edge1", "edge2"):
        takedown.add("acknowledged", edge=edge, first=7, last=7, method="purge", instance="one", at=TIMES[2])
        takedown.seen(edge, "yes")
    said = "edge1, edge2 are one server: any other one that these names mean has not acknowledged it."
    assert takedown.find()[0].lacking() == (said,)


def test_clocks_that_contradict_the_order_are_named(takedown: Takedown) -> None:
    takedown.acknowledged("edge1")
    takedown.acknowledged("edge2")
    takedown.seen("edge1", "yes")
    takedown.seen("edge2", "yes", at="2026-11-26T12:00:00.100000Z")
    assert takedown.find()[0].lacking() == ()  # by less than a second
    words = "The clocks of this record contradict each other: the order is proven, and no time is."
    takedown.seen("edge1", "no", at="2026-11-25T12:00:04.000000Z")
    assert words in takedown.find()[0].lacking()


def test_an_act_that_seems_to_be_before_an_earlier_one_has_no_time(takedown: Takedown) -> None:
    takedown.log.append({"kind": "event", "event": 2, "action": "change", "scope": "image", "at": TIMES[2]})
    takedown.log.append(
        {"kind": "event", "event": 3, "action": "change", "scope": "image", "at": "2025-01-01T00:00:00Z"}
    )
    takedown.places += [takedown.places[-1] + 1, takedown.places[-1] + 2]
    assert [act.clocks_contradict for act in takedown.find()] == [False, False, True]


def test_the_last_probe_counts(takedown: Takedown) -> None:
    for edge in ("edge1", "edge2"):
        takedown.acknowledged(edge)
        takedown.seen(edge, "yes")
    takedown.seen("edge2", "no", at=TIMES[5])
    assert takedown.find()[0].lacking() == (f"edge2 showed the image at {TIMES[5]}.",)


def test_a_later_look_at_what_is_gone_does_not_move_the_time(takedown: Takedown) -> None:
    """As in the receipts: the first time counts, after the last at which the image was shown."""
    for edge in ("edge1", "edge2"):
        takedown.acknowledged(edge)
    takedown.seen("edge1", "yes", at=TIMES[3])
    takedown.seen("edge1", "yes", at=TIMES[6])
    takedown.seen("edge2", "yes", at=TIMES[3])
    takedown.seen("edge2", "no", at=TIMES[4])
    takedown.seen("edge2", "yes", at=TIMES[5])
    takedown.seen("edge2", "yes", at=TIMES[6])
    assert [(each.seen_at, each.gone) for each in takedown.find()[0].edges] == [(TIMES[3], True), (TIMES[5], True)]


@pytest.mark.parametrize(("first", "last"), [(8, 9), (1, 6)])
def test_an_acknowledgement_of_other_batches_is_none_of_this_one(takedown: Takedown, first: int, last: int) -> None:
    takedown.acknowledged("edge1", first, last)
    assert takedown.find()[0].edges[0].acknowledged_at is None


def test_a_lift_needs_no_probe() -> None:
    other = Takedown()
    other.ban(other.edges("edge1"), action="lift")
    other.acknowledged("edge1")
    assert other.find()[0].lacking() == ()


@pytest.mark.parametrize("receipt", [Takedown.acknowledged, lambda takedown, edge: takedown.seen(edge, "yes")])
def test_a_receipt_of_an_edge_that_did_not_exist_then_is_found(takedown: Takedown, receipt: Any) -> None:
    receipt(takedown, "edge3")
    with pytest.raises(ProofError, match="receipt of edge3, and no such edge existed then"):
        takedown.find()


def test_an_edge_that_came_later_may_acknowledge_too(takedown: Takedown) -> None:
    takedown.edges("edge1", "edge2", "edge3")
    takedown.acknowledged("edge3", 1, 7)
    assert [each.edge for each in takedown.find()[0].edges] == ["edge1", "edge2"]


@pytest.mark.parametrize(
    ("kind", "words"), [("batch", "told in batch 7, whose leaf"), ("edges", "list of edges whose")]
)
def test_a_leaf_that_others_need_and_that_was_left_out_is_found(takedown: Takedown, kind: str, words: str) -> None:
    with pytest.raises(ProofError, match=words):
        takedown.find(f'kind":"{kind}')


def test_batches_in_the_wrong_order_are_found(takedown: Takedown) -> None:
    takedown.acknowledged("edge1", 8, 7)
    with pytest.raises(ProofError, match="acknowledges batches 8 to 7"):
        takedown.find()


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"kind": "batch", "batch": 8}, "no member"),
        ({"kind": "edges", "at": "x", "names": "edge1"}, "names is no list"),
        ({"kind": "edges", "at": "x", "names": [], "more": 1}, "member more"),
        ({"at": "x"}, "no kind"),
    ],
)
def test_a_malformed_leaf_is_named(takedown: Takedown, members: dict[str, Any], words: str) -> None:
    takedown.places.append(takedown.log.append(members))
    with pytest.raises(ProofError, match=f"leaf 3 is malformed: it.* {words}"):
        takedown.find()


def test_a_kind_of_a_later_version_is_passed_over(takedown: Takedown) -> None:
    takedown.add("something", new=1)
    assert len(takedown.find()) == 1


def test_of_an_owner_a_probe_of_all_images_counts_unless_one_was_shown_after_it() -> None:
    owner = Takedown()
    owner.ban(owner.edges("edge1"), scope="owner", values={"subject": "alice"})
    owner.acknowledged("edge1")
    owner.seen("edge1", "yes", at=TIMES[3])
    assert owner.find()[0].lacking() == ("Nobody saw it gone at edge1.",), "one image of many"
    owner.seen("edge1", "yes", at=TIMES[4], looked=3, images=5)
    assert owner.find()[0].lacking() == ("At edge1 3 of 5 images were seen gone, and the others not.",)
    owner.seen("edge1", "yes", at=TIMES[5], looked=5, images=5)
    assert owner.find()[0].lacking() == ()
    owner.seen("edge1", "yes", at=TIMES[6], looked=4, images=5)
    assert owner.find()[0].edges[0].seen_at == TIMES[5]
    owner.seen("edge1", "no", at=TIMES[6])
    owner.seen("edge1", "yes", at=TIMES[6])
    assert owner.find()[0].lacking() == (f"edge1 showed the image at {TIMES[6]}.",)
    owner.seen("edge1", "yes", at=TIMES[7], looked=5, images=5)
    assert owner.find()[0].lacking() == ()
