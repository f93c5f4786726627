"""Share edges among probers: each keeps its own, and new ones go where the fewest are."""

from collections.abc import Iterable
from typing import cast

from purger.model import Edge, Row
from purger.probing.prober import Prober
from purger.probing.probers import Probers
from purger.records.tally import Tally

A, B, C, D = (Edge(name, "http://p", "http://q", "/t") for name in "abcd")
ROW = Row(1, 1, "image", "cat", "ban")


class OneProber:
    """Takes what a prober is told."""

    def __init__(self) -> None:
        self.edges: list[str] = []
        self.offered: list[str] = []

    def follow(self, edges: Iterable[tuple[Edge, int]]) -> None:
        self.edges = [edge.name for edge, _ in edges]

    def offer(self, edge: Edge, rows: Iterable[Row], *, setbacks: int = 0) -> None:
        self.offered += [edge.name] * len([*rows])
        assert setbacks == 0

    def waiting(self) -> int:
        return len(self.offered)


def test_an_edge_stays_with_its_prober_and_a_new_one_goes_where_the_fewest_are() -> None:
    one, two = OneProber(), OneProber()
    tally = Tally()
    probers = Probers([cast("Prober", one), cast("Prober", two)], tally)
    probers.follow((edge, 0) for edge in (A, B, C))
    assert (one.edges, two.edges) == (["a", "c"], ["b"])
    probers.follow((edge, 0) for edge in (B, C, D))
    assert sorted(one.edges + two.edges) == ["b", "c", "d"]
    assert ("c" in one.edges, "b" in two.edges) == (True, True)
    for edge in (A, B, C, D):
        probers.offer(edge, [ROW])
    assert sorted(one.offered + two.offered) == ["b", "c", "d"], "nobody probes an edge that is not followed"
    assert {*one.offered} == {*one.edges}
    assert tally.probes_waiting() == 3
