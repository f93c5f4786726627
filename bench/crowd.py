"""Measure how long single bans that come close together wait for their proof at each of three edges."""

import time
from functools import partial
from pathlib import Path

from bench.bulk import add_images
from bench.figures.results import Distribution
from stack.processes.waiting import wait_until
from stack.system import Stack, StackSettings

_BANS, _SECONDS, _EDGES = 60, 3.0, 3

#: Milliseconds of the bans of a round from their statement to the last edge's acknowledgement, and to its last proof.
_DELAYS = """
SELECT
    TIMESTAMPDIFF(MICROSECOND, b.banned_at, MAX(r.acknowledged_at)) / 1000,
    TIMESTAMPDIFF(MICROSECOND, b.banned_at, MAX(s.seen_at)) / 1000
FROM bans AS b
JOIN invalidations AS i ON i.ban_id = b.id AND i.cause = 'ban'
JOIN receipts AS r ON i.batch BETWEEN r.first_batch AND r.batch
JOIN sightings AS s ON s.invalidation = i.id AND s.edge = r.edge AND s.gone
WHERE b.banned_by = %s
GROUP BY b.id, b.banned_at HAVING COUNT(*) = %s
"""


def crowd(directory: Path, rounds: int) -> Distribution:
    """Ban 60 images within 3 s, one by one, and read when all edges had acknowledged and proven each."""
    samples: dict[str, list[float]] = {"acknowledged": [], "proven gone": []}
    with Stack(directory / "crowd", StackSettings(edges=_EDGES)) as stack:
        for number in range(rounds):
            codes = [f"crowd-{number}-{each}" for each in range(_BANS)]
            add_images(stack, [(code, "crowd") for code in codes])
            stack.settle()
            _ban(stack, f"crowd {number}", codes)
            delays = wait_until(partial(_delays, stack, f"crowd {number}"), "proof of all bans")
            samples["acknowledged"] += [each for each, _ in delays]
            samples["proven gone"] += [each for _, each in delays]
    return Distribution("60 single bans within 3 s, three edges", "ms", samples)


def _ban(stack: Stack, by: str, codes: list[str]) -> None:
    with stack.database.connect("moderation") as moderation, moderation.cursor() as cursor:
        begin = time.monotonic()
        for number, code in enumerate(codes):
            time.sleep(max(0.0, begin + number * _SECONDS / len(codes) - time.monotonic()))
            cursor.execute("INSERT INTO bans (scope, subject, banned_by) VALUES ('image', %s, %s)", (code, by))


def _delays(stack: Stack, by: str) -> list[tuple[float, float]] | None:
    """Read both delays of each ban; None: a ban is not proven at all edges yet."""
    with stack.database.connect_admin() as admin, admin.cursor() as cursor:
        cursor.execute(_DELAYS, (by, _EDGES))
        found = [(float(str(acknowledged)), float(str(seen))) for acknowledged, seen in cursor.fetchall()]
    return found if len(found) == _BANS else None
