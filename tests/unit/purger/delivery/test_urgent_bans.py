"""Send single bans in the middle of a bulk before the rest of it, where that gains time."""

from purger.delivery.plan_sender import PlanRun, UrgentBans
from purger.model import Position, Row
from purger.outbox.batches import Batches
from purger.outbox.outbox import Outbox
from purger.outbox.plan import make_plan

IDENTITIES = {batch: f"identity-{batch}" for batch in range(100)}


class NoDatabase(Outbox):
    """An outbox that must not be read: all batches are in memory."""

    def __init__(self) -> None:
        pass

    def rows(self, after: int, last: int) -> list[Row]:
        raise AssertionError(after, last)

    def reach(self, after: int, head: int, limit: int) -> Position:
        raise AssertionError(after, head, limit)

    def position(self, batch: int) -> str | None:
        raise AssertionError(batch)


def bulk_of(rows: list[Row]) -> PlanRun:
    return PlanRun(make_plan(rows, rows[0].batch, rows[-1].batch))


def bulk(number: int, batch: int) -> list[Row]:
    return [Row(each, batch, "image", f"c{each}", "ban") for each in range(1, number + 1)]


def sent(singles: UrgentBans, plan_run: PlanRun) -> list[str]:
    found = []
    while single := singles.next(plan_run.plan.first - 1):
        found += [request.path for request in single.requests]
    return found


def test_a_single_ban_by_content_after_the_bulk_goes_before_what_is_left_of_it() -> None:
    batches, rows = Batches(NoDatabase()), bulk(100, 1)
    singles, plan_run = UrgentBans(batches), bulk_of(rows)
    batches.add(0, 1, rows, IDENTITIES)
    batches.add(1, 2, [Row(101, 2, "digest", "e" * 64, "ban")], IDENTITIES)
    singles.find_during(plan_run)
    single = singles.next(plan_run.plan.first - 1)
    assert single is not None
    assert [request.headers for request in single.requests] == [(("Takedown-Digests", "e" * 64),)]


def test_a_single_ban_after_the_bulk_goes_before_what_is_left_of_it() -> None:
    batches, rows = Batches(NoDatabase()), bulk(100, 1)
    singles, plan_run = UrgentBans(batches), bulk_of(rows)
    batches.add(0, 1, rows, IDENTITIES)
    batches.add(1, 2, [Row(101, 2, "image", "late", "ban")], IDENTITIES)
    singles.find_during(plan_run)
    assert sent(singles, plan_run) == ["/images/late"]
    singles.find_during(plan_run)
    assert sent(singles, plan_run) == []


def test_a_single_ban_within_the_bulk_goes_before_the_others() -> None:
    batches, rows = Batches(NoDatabase()), bulk(100, 1)
    singles, plan_run = UrgentBans(batches), bulk_of([*rows, Row(101, 2, "image", "late", "ban")])
    batches.add(0, 1, rows, IDENTITIES)
    batches.add(1, 2, [Row(101, 2, "image", "late", "ban")], IDENTITIES)
    singles.find_during(plan_run)
    assert sent(singles, plan_run) == ["/images/late"]


def test_bans_that_their_plan_sends_as_fast_are_sent_once() -> None:
    both = [Row(1, 1, "image", "x", "ban"), Row(2, 1, "owner", "y", "ban")]
    batches = Batches(NoDatabase())
    singles, plan_run = UrgentBans(batches), bulk_of(both)
    batches.add(0, 1, both, IDENTITIES)
    singles.find_during(plan_run)
    assert sent(singles, plan_run) == []


def test_many_single_bans_of_an_edge_that_was_away_go_in_lists_alone() -> None:
    batches = Batches(NoDatabase())
    rows = [Row(each, each, "image", f"c{each}-x", "ban") for each in range(1, 251)]
    rows[7] = rows[7]._replace(scope="owner")
    for row in rows:
        batches.add(row.batch - 1, row.batch, [row], IDENTITIES)
    singles, plan_run = UrgentBans(batches), bulk_of(rows)
    assert len(plan_run.requests) == 2
    singles.find_during(plan_run)
    assert sent(singles, plan_run) == []


def test_what_was_delivered_meanwhile_is_not_told_again() -> None:
    batches, rows = Batches(NoDatabase()), bulk(100, 1)
    singles = UrgentBans(batches)
    batches.add(0, 1, rows, IDENTITIES)
    batches.add(1, 2, [Row(101, 2, "image", "late", "ban")], IDENTITIES)
    singles.find_during(bulk_of(rows))
    later = bulk_of([row._replace(batch=3) for row in rows])
    assert sent(singles, later) == []
