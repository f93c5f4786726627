"""Measure the time from a ban's commit to the first 410, beside a 1 s poll and one round trip of a PURGE."""

import random
import time
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from statistics import median, quantiles

import requests

from bench.comparison import compare
from stack.edge import Edge
from stack.system import Settings, Stack
from stack.waiting import wait_until

_numbers = count(1)


def run(directory: Path, rounds: int) -> None:
    """Compare p50 and p99 of single bans, in milliseconds."""
    slow = Settings(purger_options={"PURGER_POLL_INTERVAL": "1"})
    with Stack(directory / "ours") as ours, Stack(directory / "slow", slow) as polled:
        compare(
            "commit to gone, one edge, ms",
            {
                "edge takedown": lambda: _spread(lambda: _ban(ours, 0.003), 60),
                "the same with a 1 s poll": lambda: _spread(lambda: _ban(polled, 1.0), 20),
                "bare PURGE round trip": _bare(ours.edge),
            },
            rounds,
        )


def _spread(once: Callable[[], float], times: int) -> Mapping[str, float]:
    milliseconds = [1000 * once() for _ in range(times)]
    return {"p50": median(milliseconds), "p99": quantiles(milliseconds, n=100, method="inclusive")[98]}


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


def _bare(edge: Edge) -> Callable[[], Mapping[str, float]]:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {edge.token()}"

    def purge() -> float:
        begin = time.perf_counter()
        session.request("PURGE", f"{edge.purge_url}/images/nothing", timeout=5).raise_for_status()
        return time.perf_counter() - begin

    return lambda: _spread(purge, 60)
