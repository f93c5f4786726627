"""Plan the requests for a range of batches from memory, or else from the outbox."""

from collections.abc import Callable

import pytest

from purger.model import Position, Row
from purger.outbox.batches import Batches
from purger.outbox.outbox import Outbox, PrunedError
from purger.outbox.plan import DeliveryPlan

IDENTITIES = {batch: f"identity-{batch}" for batch in range(100)}


class RowsByBatch(Outbox):
    """Rows by batch, as ``Outbox`` reads them; counts the reads."""

    def __init__(self, batches: int, pruned: int = 0) -> None:
        self.batches = {batch: [Row(batch, batch, "image", f"c{batch}", "ban")] for batch in range(1, batches + 1)}
        self.pruned = pruned
        self.reads = 0

    def rows(self, after: int, last: int) -> list[Row]:
        self.reads += 1
        if after < self.pruned:
            raise PrunedError
        return [row for batch in range(after + 1, last + 1) for row in self.batches[batch]]

    def reach(self, after: int, head: int, limit: int) -> Position:
        last = min(head, after + limit)
        return Position(last, IDENTITIES[last])

    def position(self, batch: int) -> str | None:
        return f"i{batch}"


def batches(outbox: RowsByBatch, **sizes: int) -> Batches:
    return Batches(outbox, **sizes)


def tags(plan: DeliveryPlan) -> list[str]:
    return [tag for request in plan.requests for tag in dict(request.headers)["Takedown-Tags"].split(",")]


def test_new_batches_are_planned_from_memory() -> None:
    outbox = RowsByBatch(9)
    known = batches(outbox)
    known.add(5, 9, outbox.rows(5, 9), IDENTITIES)
    reads = outbox.reads
    plan = known.plan(6, 9)
    assert tags(plan) == ["i:c7", "i:c8", "i:c9"]
    assert (plan.first, plan.last, outbox.reads) == (7, 9, reads)


def test_older_batches_come_from_the_database() -> None:
    outbox = RowsByBatch(9)
    known = batches(outbox, rows_kept=2)
    known.add(5, 9, outbox.rows(5, 9), IDENTITIES)
    assert tags(known.plan(6, 8)) == ["i:c7", "i:c8"]
    assert outbox.reads == 2


def test_a_gap_is_never_taken_for_an_empty_batch() -> None:
    outbox = RowsByBatch(9)
    known = batches(outbox)
    known.add(2, 3, outbox.rows(2, 3), IDENTITIES)
    known.add(7, 9, outbox.rows(7, 9), IDENTITIES)
    assert len(tags(known.plan(2, 9))) == 7


def test_what_was_pruned_is_not_taken_for_nothing() -> None:
    with pytest.raises(PrunedError):
        batches(RowsByBatch(9, pruned=6)).plan(4, 9)


def test_a_long_range_of_batches_goes_in_pieces() -> None:
    outbox = RowsByBatch(9)
    assert batches(outbox, rows_a_plan=4).plan(0, 9).last == 4
    known = batches(outbox, rows_a_plan=4)
    known.add(0, 9, outbox.rows(0, 9), IDENTITIES)
    assert known.plan(0, 9).last == 4


def test_numbers_that_come_a_second_time_are_read_again() -> None:
    outbox = RowsByBatch(4)
    known = batches(outbox)
    known.add(3, 4, outbox.rows(3, 4), IDENTITIES)
    known.plan(3, 4)
    known.forget()
    outbox.batches[4] = [Row(99, 4, "image", "other", "ban")]
    assert tags(known.plan(3, 4)) == ["i:other"]


def test_a_plan_that_fills_a_list_is_used_again_from_where_it_begins_whatever_came_since() -> None:
    known = batches(RowsByBatch(0))
    bulk = [Row(number, 1, "image", f"c{number}", "ban") for number in range(1, 601)]
    known.add(0, 1, bulk, IDENTITIES)
    first = known.plan(0, 1)
    known.add(1, 2, [Row(601, 2, "image", "later", "ban")], IDENTITIES)
    assert known.plan(0, 2) is first
    single = known.plan(1, 2)
    known.add(2, 3, [Row(602, 3, "image", "last", "ban")], IDENTITIES)
    assert tags(known.plan(1, 3)) == ["i:later", "i:last"]
    assert tags(single) == tags(known.plan(1, 2)) == ["i:later"]


def test_the_rebounds_of_a_bulk_read_nothing_again() -> None:
    outbox = RowsByBatch(9)
    known = batches(outbox, rows_kept=1, rows_a_plan=2)
    steps = [(after, known.plan(after, 9).last) for after in (0, 2, 4, 6, 8)]
    reads = outbox.reads
    assert [known.plan(after, last).last for after, last in steps] == [2, 4, 6, 8, 9]
    assert outbox.reads == reads


def test_plans_that_were_not_used_for_longest_are_dropped() -> None:
    outbox = RowsByBatch(9)
    known = batches(outbox, rows_planned=300)
    known.plan(0, 1)
    known.plan(1, 2)
    known.plan(0, 1)
    assert outbox.reads == 3


def test_more_single_bans_than_are_kept_leave_the_newest() -> None:
    known = Batches(RowsByBatch(0))
    bans = [Row(number, number, "image", f"c{number}", "ban") for number in range(1, 301)]
    for ban in bans:
        known.add(ban.batch - 1, ban.batch, [ban], IDENTITIES)
    assert known.urgent(0) == bans[100:]
    assert known.urgent(298) == bans[298:]
    assert known.urgent(300) == []


def test_a_single_ban_is_urgent_in_an_answer_that_has_batches_of_a_bulk_before_it() -> None:
    known = batches(RowsByBatch(0))
    newest = [Row(number, 1, "image", f"bulk{number}", "ban") for number in range(1000, 1500)]
    single = Row(1500, 2, "image", "single", "ban")
    oldest = [Row(number, 3, "image", f"bulk{number}", "ban") for number in range(1000)]
    known.add(0, 3, [*newest, single, *oldest], IDENTITIES)
    assert known.urgent(0) == [single]


def test_a_single_ban_is_told_from_a_bulk_whoever_numbered_it_and_comes_first() -> None:
    known = Batches(RowsByBatch(0))
    bulk = [Row(number, 0, "image", f"c{number}", "ban") for number in range(1, 101)]
    known.add(0, 1, [row._replace(batch=1) for row in bulk[50:]], IDENTITIES)  # the newest are numbered first
    single = Row(101, 3, "image", "single", "ban")
    known.add(1, 3, [*(row._replace(batch=2) for row in bulk[:50]), single], IDENTITIES)
    assert known.urgent(0) == [single]
    assert tags(known.plan(0, 3))[0] == "i:single"
    known.forget()
    assert known.urgent(0) == []


def test_a_gap_makes_no_single_bans_of_a_bulk() -> None:
    known = Batches(RowsByBatch(0))
    known.add(0, 1, [Row(number, 1, "image", f"c{number}", "ban") for number in range(51, 101)], IDENTITIES)
    known.add(5, 6, [Row(number, 6, "image", f"c{number}", "ban") for number in range(1, 11)], IDENTITIES)
    assert known.urgent(0) == []


class Failing(RowsByBatch):
    """A database that is found to have gone back just while it answers."""

    def __init__(self, batches: int) -> None:
        super().__init__(batches)
        self.while_answering: Callable[[], None] = lambda: None
        self.questions = 0

    def rows(self, after: int, last: int) -> list[Row]:
        rows = super().rows(after, last)
        self.while_answering()
        return rows

    def position(self, batch: int) -> str | None:
        self.questions += 1
        known = super().position(batch)
        self.while_answering()
        return known


def test_a_plan_from_before_a_setback_is_not_kept() -> None:
    outbox = Failing(9)
    known = batches(outbox)
    outbox.while_answering = known.forget
    known.plan(6, 9)
    outbox.while_answering = lambda: None
    known.plan(6, 9)
    assert outbox.reads == 2
    known.plan(6, 9)
    assert outbox.reads == 2


def test_the_database_is_asked_once_for_a_position_that_many_edges_have() -> None:
    outbox = Failing(9)
    known = batches(outbox)
    assert [known.knows(Position(9, "i9")) for _ in range(250)] == [True] * 250
    assert outbox.questions == 1
    assert not known.knows(Position(9, "another"))
    known.forget()
    assert known.knows(Position(9, "i9"))
    assert outbox.questions == 3


def test_a_position_from_before_a_setback_is_asked_for_again() -> None:
    outbox = Failing(9)
    known = batches(outbox)
    outbox.while_answering = known.forget
    known.knows(Position(9, "i9"))
    outbox.while_answering = lambda: None
    known.knows(Position(9, "i9"))
    assert outbox.questions == 2
