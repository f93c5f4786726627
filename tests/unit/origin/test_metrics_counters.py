"""Check that the counts of all threads and processes of an origin add up, and none is lost."""

import os
import threading

from origin.metrics_counters import BOUNDS, SharedCounters
from origin.monitoring import metrics
from takedown_base.http.metrics_text import metrics_page

THREADS = 4
ROUNDS = 4_000


def count(shared: SharedCounters, worker: int) -> None:
    """Count in each of a process's threads, at the same time."""
    counters, together = shared.of_worker(worker), threading.Barrier(THREADS)

    def work() -> None:
        together.wait()
        for _ in range(ROUNDS):
            counters.answered(b"304 Not Modified", 100)
            counters.looked_up(0.0003)

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_no_count_of_any_thread_or_process_is_lost() -> None:
    shared = SharedCounters(workers=2, threads=THREADS)
    child = os.fork()
    if child == 0:
        count(shared, 1)
        os._exit(0)
    count(shared, 0)
    os.waitpid(child, 0)
    totals = shared.totals()
    assert totals.requests["304"] == 2 * THREADS * ROUNDS
    assert totals.sent == 2 * THREADS * ROUNDS * 100
    assert sum(totals.lookups) == totals.lookups[BOUNDS.index(0.0005)] == 2 * THREADS * ROUNDS


def test_a_process_that_takes_the_place_of_another_goes_on_with_its_counts() -> None:
    shared = SharedCounters(workers=1, threads=1)
    for _ in range(2):
        shared.of_worker(0).answered(b"200 OK", 1)
    assert shared.totals().requests["200"] == 2


def test_a_status_that_nobody_expected_counts_as_other() -> None:
    shared = SharedCounters(workers=1, threads=1)
    shared.of_worker(0).answered(b"299 Odd", 1)
    assert shared.totals().requests["other"] == 1


def test_times_are_counted_in_the_bucket_that_ends_at_them_or_later() -> None:
    shared = SharedCounters(workers=1, threads=1)
    counters = shared.of_worker(0)
    for seconds in (0.0001, 0.00011, 99.0):
        counters.read(seconds)
    totals = shared.totals()
    assert (totals.reads[0], totals.reads[1], totals.reads[-1]) == (1, 1, 1)
    assert sum(totals.lookups) == 0
    assert abs(totals.read_seconds - 99.00021) < 1e-9


def test_the_page_has_all_processes_together() -> None:
    shared = SharedCounters(workers=3, threads=2)
    for worker in range(3):
        shared.runs(worker, running=worker != 1)
        shared.of_worker(worker).answered(b"200 OK", 10)
        shared.of_worker(worker).looked_up(0.002)
    text = metrics_page(metrics(shared.totals())).text
    assert 'takedown_origin_requests_total{status="200"} 3.0' in text
    assert "takedown_origin_sent_bytes_total 30.0" in text
    assert "takedown_origin_processes 2.0" in text
    assert 'takedown_origin_lookup_seconds_bucket{le="0.001"} 0.0' in text
    assert 'takedown_origin_lookup_seconds_bucket{le="0.0025"} 3.0' in text
    assert 'takedown_origin_lookup_seconds_bucket{le="+Inf"} 3.0' in text
    assert "takedown_origin_lookup_seconds_count 3.0" in text
