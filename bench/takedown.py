"""Measure the time from a ban's commit to the first 410, beside a loop with a 1 s poll and one PURGE round trip."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import requests

from bench.comparison import compare
from bench.results import Result, spread
from stack.edge import Edge
from stack.system import Settings, Stack
from stack.waiting import wait_until

_numbers = count(1)


def run(directory: Path, rounds: int) -> Iterator[Result]:
    """Compare p50 and p99 of single bans, in milliseconds."""
    # Without a purger the edge of the plain loop keeps its trust for the lease: an hour is longer than the benchmark.
    slow = Settings(edge_settings={"lease": 3600})
    with Stack(directory / "ours") as ours, Stack(directory / "slow", slow) as polled, _plain_loop(polled):
        bare = _bare(ours.edge)
        yield compare(
            "commit to gone, one edge, ms",
            {
                "edge takedown": lambda: spread(_times(lambda: _ban(ours, 0.003), 60), "ms"),
                "plain loop with a 1 s poll": lambda: spread(_times(lambda: _ban(polled, 1.0), 20), "ms"),
                "bare PURGE round trip": lambda: spread(_times(bare, 60), "ms"),
            },
            rounds,
        )


@contextmanager
def _plain_loop(stack: Stack) -> Iterator[None]:
    """Stop the purger, and until the end of the block send a PURGE for each new row of the outbox, once a second."""
    stack.purger.stop()
    ended = threading.Event()

    def loop() -> None:
        with (
            stack.database.connect("purger") as connection,
            connection.cursor() as cursor,
            _session(stack.edge) as edge,
        ):
            last = 0
            while not ended.wait(1):
                cursor.execute(f"SELECT id, subject FROM invalidations WHERE id > {last} ORDER BY id")
                for number, code in cursor.fetchall():
                    _purge(edge, stack.edge, str(code))
                    last = int(str(number))

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _times(once: Callable[[], float], count: int) -> list[float]:
    """Measure so many times, in milliseconds."""
    return [1000 * once() for _ in range(count)]


def _ban(stack: Stack, poll_interval: float) -> float:
    """Measure the seconds from the commit's return to the first 410. The code's 404 is a hit before."""
    url = f"{stack.edge.url}/images/bench-{next(_numbers)}"
    with stack.database.connect("moderation") as moderation, requests.Session() as session:
        wait_until(lambda: "; hit" in session.get(url, timeout=5).headers["Cache-Status"], f"{url} in the cache")
        # Without a pause each ban would come right after the poll that found the last one, unlike real bans.
        time.sleep(random.uniform(0, poll_interval))
        with moderation.cursor() as cursor:
            cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (url.rpartition("/")[2],))
        begin = time.perf_counter()
        while session.get(url, timeout=5).status_code != 410:
            if time.perf_counter() - begin > 10:
                raise TimeoutError(url)
        return time.perf_counter() - begin


def _bare(edge: Edge) -> Callable[[], float]:
    session = _session(edge)

    def purge() -> float:
        begin = time.perf_counter()
        _purge(session, edge, "nothing")
        return time.perf_counter() - begin

    return purge


def _session(edge: Edge) -> requests.Session:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {edge.token()}"
    return session


def _purge(session: requests.Session, edge: Edge, code: str) -> None:
    session.request("PURGE", f"{edge.purge_url}/images/{code}", timeout=5).raise_for_status()
