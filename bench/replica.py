"""Count stale fills (there must be none) and refused fetches while the origin reads a replica that lags."""

import queue
import string
import threading
import time
from collections import Counter
from collections.abc import Container, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import requests

from bench.results import Comparison, Result
from tests.support.sites.lagging_site import LaggingSite

_BANS = 300
_PER_SECOND = 20

#: Lags to measure: seconds that the replica waits before it applies a change.
_LAGS = (0, 5)

#: Seconds after the commit of a code's ban at which clients request it.
_ASKED = (0.05, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 4.8, 5.0, 5.2, 5.5, 6.0, 7.0)
_CLIENTS = 8

#: Last characters of codes, by which an edge groups them.
_LAST = string.ascii_letters + string.digits + "_-"


class Asked(NamedTuple):
    """A request and its answer. Times are of the monotonic clock, in seconds."""

    code: str
    begun: float
    status: int
    hit: bool


def run(directory: Path, _: int) -> Iterator[Result]:
    """Ban images one after the other and request each until the replica has its ban, once with each lag."""
    figures: dict[str, Mapping[str, list[float]]] = {}
    # The log must hold all requests: retries are counted from it.
    with LaggingSite(directory, vsl_space="512M") as site:
        for lag in _LAGS:
            codes = [f"lag{lag}-{number}{_LAST[number % len(_LAST)]}" for number in range(_BANS)]
            site.import_images(codes)
            site.copy.follow(site.primary, delay=lag)
            before = site.fetches()
            committed, asked = _ban_all(site, codes)
            seen = _figures(committed, asked, site.fetches() - before)
            figures[f"{lag} s behind"] = {name: [value] for name, value in seen.items()}
    yield Comparison(f"an origin that reads a replica, {_BANS} bans, {_PER_SECOND}/s", figures)


def _ban_all(site: LaggingSite, codes: list[str]) -> tuple[dict[str, float], list[Asked]]:
    """Ban the codes at a steady pace. Returns the times of their commits, and all requests with their answers."""
    due: queue.PriorityQueue[tuple[float, str]] = queue.PriorityQueue()
    committed: dict[str, float] = {}
    done = threading.Event()

    def client() -> Iterator[Asked]:
        with requests.Session() as session:
            while not (done.is_set() and due.empty()):
                try:
                    at, code = due.get(timeout=0.1)
                except queue.Empty:
                    continue
                time.sleep(max(0.0, at - time.monotonic()))
                yield _ask(site, session, code)

    with ThreadPoolExecutor(_CLIENTS) as pool, site.primary.connect("moderation") as moderation:
        clients = [pool.submit(lambda: list(client())) for _ in range(_CLIENTS)]
        begun = time.monotonic()
        with moderation.cursor() as cursor, requests.Session() as session:
            for number, code in enumerate(codes):
                time.sleep(max(0.0, begun + number / _PER_SECOND - time.monotonic()))
                _ask(site, session, code)  # into the cache
                cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (code,))
                committed[code] = time.monotonic()
                for seconds in _ASKED:
                    due.put((committed[code] + seconds, code))
                due.put((committed[code], f"other-{code}"))  # of the same group, and never asked for: a miss
        done.set()
        asked = [answer for each in clients for answer in each.result()]
    site.copy.wait_caught_up()
    with requests.Session() as session:
        return committed, sorted(asked, key=lambda each: each.begun) + [_ask(site, session, code) for code in codes]


def _ask(site: LaggingSite, session: requests.Session, code: str) -> Asked:
    begun = time.monotonic()
    answer = site.get(code, session)
    return Asked(code, begun, answer.status_code, "; hit" in answer.headers["Cache-Status"])


def _figures(committed: dict[str, float], asked: list[Asked], fetches: Counter[int]) -> dict[str, float]:
    """Compute the figures. The last requests, one for each code, came after the replica had every ban."""
    during, afterwards = asked[: -len(committed)], asked[-len(committed) :]
    ours = [each for each in during if each.code in committed]
    others = [each for each in during if each.code not in committed]
    late = [each for each in ours if each.status == 200 and each.begun > committed[each.code] + 1]
    several = sum(count for number, count in fetches.items() if number > 1)
    return {
        "stale fills": len(_refilled(asked, committed) | {each.code for each in afterwards if each.status == 200}),
        "images served more than 1 s after the commit": len(late),
        "503 for banned codes, %": _unavailable(ours),
        "503 for misses of the same group, %": _unavailable(others),
        "fetches with more than one request, %": 100 * several / fetches.total(),
    }


def _refilled(asked: list[Asked], committed: Container[str]) -> set[str]:
    """Return the banned codes that were a hit with status 200 after they had been gone or refused."""
    gone: set[str] = set()
    refilled: set[str] = set()
    for each in asked:
        if each.status != 200:
            gone.add(each.code)
        elif each.hit and each.code in committed and each.code in gone:
            refilled.add(each.code)
    return refilled


def _unavailable(asked: list[Asked]) -> float:
    return 100 * sum(each.status == 503 for each in asked) / len(asked)
