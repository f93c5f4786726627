"""100,000 images banned in one transaction, until the edge has acknowledged all, beside one PURGE an image."""

import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path

import requests

from bench.rounds import compare
from stack.system import Stack
from stack.waiting import wait_until

_BANS, _PURGES = 100_000, 3_000
_rounds = count(1)


def run(directory: Path, rounds: int) -> None:
    """Compare images/s from commit to acknowledged."""
    with Stack(directory) as stack:
        compare(
            "bulk, one edge, images/s",
            {"edge takedown": lambda: _bulk(stack), "one requests PURGE an image": lambda: _purges(stack)},
            rounds=min(rounds, 3),
        )


def _bulk(stack: Stack) -> Mapping[str, float]:
    prefix = f"bulk{next(_rounds)}"
    with stack.database.connect("moderation") as moderation, moderation.cursor() as cursor:
        moderation.start_transaction()
        for start in range(0, _BANS, 5000):
            rows = ", ".join(f"('image', '{prefix}-{number:x}')" for number in range(start, start + 5000))
            cursor.execute(f"INSERT INTO bans (scope, subject) VALUES {rows}")
        moderation.commit()
    begin = time.perf_counter()
    with stack.database.connect("purger") as watching, watching.cursor() as cursor:

        def acknowledged() -> bool:
            cursor.execute(
                "SELECT 1 FROM numbering WHERE last_batch = (SELECT MIN(acknowledged) FROM edges)"
                " AND NOT EXISTS (SELECT 1 FROM invalidations WHERE batch IS NULL)"
            )
            return bool(cursor.fetchall())

        wait_until(acknowledged, "all bans acknowledged", seconds=120)
    return {"images/s": _BANS / (time.perf_counter() - begin)}


def _purges(stack: Stack) -> Mapping[str, float]:
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {stack.edge.token()}"
        begin = time.perf_counter()
        for number in range(_PURGES):
            session.request("PURGE", f"{stack.edge.purge_url}/images/one-{number:x}", timeout=5).raise_for_status()
        return {"images/s": _PURGES / (time.perf_counter() - begin)}
