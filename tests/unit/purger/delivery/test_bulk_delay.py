"""Put a delivery off while the rows of its bulk are numbered, for a fraction of a second, and no single ban with it."""

from typing import cast

import pytest

from purger.delivery.plan_sender import BulkDelay, UrgentBans
from purger.model import Row
from purger.outbox.batches import Batches
from purger.outbox.outbox import Outbox


class Outboxes:
    """Batches of so many bans each, and whether there are more to come."""

    def __init__(self, *sizes: int) -> None:
        self.batches = Batches(cast("Outbox", None))
        self.more = True
        self.delay = BulkDelay(self.batches, lambda: self.more)
        self._largest = 0
        self._batch = 0
        for size in sizes:
            self.add(size)

    def add(self, size: int) -> None:
        self._batch += 1
        ids = range(self._largest + 1, self._largest + size + 1)
        rows = [Row(number, self._batch, "image", f"c{number}", "ban") for number in ids]
        self._largest += size
        self.batches.add(self._batch - 1, self._batch, rows, {self._batch: f"i{self._batch}"})


def test_a_bulk_that_grows_waits_for_a_fraction_of_a_second_from_its_first_rows() -> None:
    outbox = Outboxes(500)
    assert outbox.delay.seconds(0, 1, now=10.0) == pytest.approx(0.2)
    outbox.add(2000)
    assert outbox.delay.seconds(0, 2, now=10.15) == pytest.approx(0.05)
    assert outbox.delay.seconds(0, 2, now=10.2) == 0.0
    assert outbox.delay.seconds(2, 2, now=10.3) == 0.0


def test_the_next_delivery_waits_anew() -> None:
    outbox = Outboxes(500, 500)
    assert outbox.delay.seconds(0, 1, now=10.0) == pytest.approx(0.2)
    assert outbox.delay.seconds(1, 2, now=11.0) == pytest.approx(0.2)


def test_a_bulk_goes_as_soon_as_all_of_it_is_numbered_or_lists_are_full() -> None:
    outbox = Outboxes(500, 20_000)
    assert outbox.delay.seconds(0, 2, now=10.0) == 0.0
    assert outbox.delay.seconds(0, 1, now=10.0) > 0
    outbox.more = False
    assert outbox.delay.seconds(0, 1, now=10.0) == 0.0


def test_a_delivery_that_failed_waits_anew_for_the_next_bulk() -> None:
    outbox = Outboxes(500)
    assert outbox.delay.seconds(0, 1, now=10.0) == pytest.approx(0.2)
    outbox.more = False
    assert outbox.delay.seconds(0, 1, now=10.1) == 0.0  # delivered, but the edge does not answer
    outbox.more = True
    assert outbox.delay.seconds(0, 1, now=20.0) == pytest.approx(0.2)


def test_a_few_bans_and_those_that_are_not_in_memory_do_not_wait() -> None:
    outbox = Outboxes(20)
    assert outbox.delay.seconds(0, 1, now=10.0) == 0.0
    assert outbox.delay.seconds(0, 7, now=10.0) == 0.0
    assert outbox.delay.seconds(5, 1, now=10.0) == 0.0


def test_a_single_ban_that_comes_while_the_bulk_waits_is_found_once() -> None:
    outbox = Outboxes(500, 1)
    singles = UrgentBans(outbox.batches)
    singles.find_after(0)
    single = singles.next(0)
    assert single is not None
    assert [request.path for request in single.requests] == ["/images/c501"]
    assert singles.next(0) is None
    singles.find_after(0)
    assert singles.next(0) is None


def test_a_single_ban_that_the_edge_has_does_not_go_again() -> None:
    singles = UrgentBans(Outboxes(1, 1).batches)
    singles.find_after(1)
    single = singles.next(1)
    assert single is not None
    assert single.plan.first == 2
    assert singles.next(1) is None
