"""Share edges among purgers: evenly, with as few moves as that takes, and alike whoever computes it."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from purger.fleet.fair_share import AT_ONCE, Move, moves_to

PURGERS = [f"p{number}" for number in range(6)]
FLEETS = st.dictionaries(
    st.integers(0, 60).map(lambda number: f"edge{number:02}"), st.sampled_from([None, "dead", *PURGERS]), max_size=40
)
PRESENT = st.sets(st.sampled_from(PURGERS), min_size=1)


def shared(claims: dict[str, str | None], present: set[str]) -> dict[str, str | None]:
    """Let every purger claim its moves. Returns the claims afterwards."""
    after = dict(claims)
    for purger in present:
        for move in moves_to(purger, claims, present):
            assert move.former == claims[move.edge]
            after[move.edge] = purger
    return after


@given(FLEETS, PRESENT)
def test_each_edge_has_a_present_purger_and_nobody_two_more_than_another(
    claims: dict[str, str | None], present: set[str]
) -> None:
    after = shared(claims, present)
    counts = Counter(dict.fromkeys(present, 0))
    counts.update(str(owner) for owner in after.values())
    assert set(counts) == present
    assert max(counts.values()) - min(counts.values()) <= 1
    assert shared(after, present) == after


@given(FLEETS, PRESENT)
def test_no_edge_moves_without_need(claims: dict[str, str | None], present: set[str]) -> None:
    moved = [move for purger in present for move in moves_to(purger, claims, present)]
    assert len({move.edge for move in moved}) == len(moved), "no two claim the same edge"
    free = sum(owner not in present for owner in claims.values())
    most = -(-len(claims) // len(present))
    surplus = sum(max(0, list(claims.values()).count(purger) - most) for purger in present)
    lacking = sum(max(0, len(claims) // len(present) - list(claims.values()).count(purger)) for purger in present)
    assert len(moved) <= max(free + surplus, lacking, free)


def test_the_edges_of_a_dead_purger_go_to_those_who_are_left() -> None:
    claims = {"a": "p1", "b": "p2", "c": "dead", "d": "dead", "e": None}
    present = {"p1", "p2"}
    assert moves_to("p1", claims, present) == [Move("c", "dead"), Move("e", None)]
    assert moves_to("p2", claims, present) == [Move("d", "dead")]


def test_a_new_purger_takes_from_those_who_have_the_most() -> None:
    claims: dict[str, str | None] = {"a": "p1", "b": "p1", "c": "p1", "d": "p2", "e": "p2"}
    assert moves_to("p3", claims, {"p1", "p2", "p3"}) == [Move("c", "p1")]
    assert moves_to("p1", claims, {"p1", "p2", "p3"}) == []
    assert moves_to("p3", claims | {"f": None}, {"p1", "p2", "p3"}, steady=False) == [Move("f", None)]


def test_a_new_purger_takes_a_large_share_by_and_by_and_lost_edges_at_once() -> None:
    claims: dict[str, str | None] = {f"e{number:03}": "p1" for number in range(300)}
    assert len(moves_to("p2", claims, {"p1", "p2"})) == AT_ONCE
    assert len(moves_to("p2", claims, {"p2"})) == 300
