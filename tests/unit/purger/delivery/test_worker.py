"""Plan the requests of late rebounds: purges that are sent again seconds later."""

import threading
from typing import cast

import pytest

from purger.delivery.worker import Worker
from purger.model import Edge, Row, SavedProgress
from purger.outbox.batches import Batches
from purger.outbox.outbox import Outbox
from purger.outbox.poller import Poller
from purger.probing.prober import Prober
from purger.records.recorder import Recorder
from purger.settings import Settings

BATCHES = 100
URL = "http://127.0.0.1:1"


@pytest.fixture
def worker() -> Worker:
    """Make a worker that sends nothing, with batches of one ban each whose codes end in all characters."""
    outbox = cast("Outbox", None)  # all that is planned is in memory
    batches = Batches(outbox)
    rows = [Row(number, number, "image", f"code{number}{chr(97 + number % 26)}", "ban") for number in range(1, 101)]
    batches.add(0, BATCHES, rows, {number: f"i{number}" for number in range(1, BATCHES + 1)})
    return Worker(
        edge=Edge("e", URL, URL, "/nowhere"),
        saved=SavedProgress("one", BATCHES, 0, 0, 0, "all"),
        settings=Settings(database_url=""),
        poller=Poller(outbox, batches, interval=0.001, stop=threading.Event()),
        batches=batches,
        recorder=cast("Recorder", None),
        prober=cast("Prober", None),
    )


def test_deliveries_wait_while_the_poller_says_that_more_rows_are_to_come(worker: Worker) -> None:
    for more in (False, True, False):
        worker._poller.more_to_come = more
        assert (worker._bulk_delay.seconds(0, BATCHES, now=1.0) > 0) is more


def test_a_late_rebound_of_many_purges_takes_one_request(worker: Worker) -> None:
    late, prompt = worker._plan(0, BATCHES, late=True), worker._plan(0, BATCHES)
    assert late is not None
    assert prompt is not None
    assert (len(late.requests), len(prompt.requests)) == (1, 26)


def test_a_late_rebound_of_a_few_purges_disturbs_no_other_group(worker: Worker) -> None:
    late = worker._plan(0, 5, late=True)
    assert late is not None
    assert [request.method for request in late.requests] == ["PURGE"] * 5
