"""Single bans in the middle of a bulk: before it, and at no cost where there is nothing to gain."""

from purger.batches import Backlog
from purger.model import Position, Row
from purger.plan import make_plan
from purger.plan_cursor import Carrying
from purger.urgent_bans import Singles

IDENTITIES = {batch: f"identity-{batch}" for batch in range(100)}


class Outbox:
    """No database: what is not in memory must not be asked for."""

    def rows(self, after: int, last: int) -> list[Row]:
        raise AssertionError(after, last)

    def reach(self, after: int, head: int, limit: int) -> Position:
        raise AssertionError(after, head, limit)

    def position(self, batch: int) -> str | None:
        raise AssertionError(batch)


def bulk_of(rows: list[Row]) -> Carrying:
    plan = make_plan(rows, rows[0].batch, rows[-1].batch)
    return Carrying(plan, list(plan.requests))


def bulk(number: int, batch: int) -> list[Row]:
    return [Row(each, batch, "image", f"c{each}", "ban") for each in range(1, number + 1)]


def told(singles: Singles, carrying: Carrying) -> list[str]:
    found = []
    while single := singles.next(carrying):
        found += [request.path for request in single.requests]
    return found


def test_a_single_ban_after_the_bulk_goes_before_what_is_left_of_it() -> None:
    backlog, rows = Backlog(Outbox()), bulk(100, 1)
    singles, carrying = Singles(backlog), bulk_of(rows)
    backlog.add(0, 1, rows, IDENTITIES)
    backlog.add(1, 2, [Row(101, 2, "image", "late", "ban")], IDENTITIES)
    singles.find(carrying)
    assert told(singles, carrying) == ["/images/late"]
    singles.find(carrying)
    assert told(singles, carrying) == []


def test_a_single_ban_within_the_bulk_goes_before_the_others() -> None:
    backlog, rows = Backlog(Outbox()), bulk(100, 1)
    singles, carrying = Singles(backlog), bulk_of([*rows, Row(101, 2, "image", "late", "ban")])
    backlog.add(0, 1, rows, IDENTITIES)
    backlog.add(1, 2, [Row(101, 2, "image", "late", "ban")], IDENTITIES)
    singles.find(carrying)
    assert told(singles, carrying) == ["/images/late"]


def test_bans_that_their_plan_sends_as_fast_are_sent_once() -> None:
    both = [Row(1, 1, "image", "x", "ban"), Row(2, 1, "owner", "y", "ban")]
    backlog = Backlog(Outbox())
    singles, carrying = Singles(backlog), bulk_of(both)
    backlog.add(0, 1, both, IDENTITIES)
    singles.find(carrying)
    assert told(singles, carrying) == []


def test_many_single_bans_of_an_edge_that_was_away_go_in_lists_alone() -> None:
    backlog = Backlog(Outbox())
    rows = [Row(each, each, "image", f"c{each}-x", "ban") for each in range(1, 251)]
    rows[7] = rows[7]._replace(scope="owner")
    for row in rows:
        backlog.add(row.batch - 1, row.batch, [row], IDENTITIES)
    singles, carrying = Singles(backlog), bulk_of(rows)
    assert len(carrying.requests) == 2
    singles.find(carrying)
    assert told(singles, carrying) == []


def test_what_was_delivered_meanwhile_is_not_told_again() -> None:
    backlog, rows = Backlog(Outbox()), bulk(100, 1)
    singles = Singles(backlog)
    backlog.add(0, 1, rows, IDENTITIES)
    backlog.add(1, 2, [Row(101, 2, "image", "late", "ban")], IDENTITIES)
    singles.find(bulk_of(rows))
    later = bulk_of([row._replace(batch=3) for row in rows])
    assert told(singles, later) == []
