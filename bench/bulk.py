"""Measure bulks of 100,000 bans in one transaction, urgent bans among them, and one request a subject beside them."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import requests

from bench.figures.results import Result, compare, percentile
from bench.tools.bulk_bans import BANS, SCOPES, Bulks, measure_until, subject_of
from stack.processes.waiting import wait_until
from stack.system import Stack

_REQUESTS, _IMAGES = 1_500, 2_000


def run(directory: Path, rounds: int) -> Iterator[Result]:
    """Compare subjects/s from commit to acknowledgement, and ms from commit to 410 at the edge for urgent bans."""
    with Stack(directory / "bulks") as stack:
        urgent = _urgent_images(stack)
        peer = "one request a subject"
        for scope in SCOPES:
            yield compare(
                f"bulk of {BANS:,} {scope}s in one transaction, one edge",
                {
                    peer: partial(_one_by_one, stack, scope),
                    "edge takedown": partial(_bulk, stack, scope, urgent),
                },
                rounds=min(rounds, 3),
                warm_up=0,
            )


def _bulk(stack: Stack, scope: str, urgent: Iterator[tuple[str, str]]) -> Mapping[str, float]:
    over, bulks = threading.Event(), Bulks(stack.database)
    with ThreadPoolExecutor(2) as others:
        before = bulks.commit(scope)
        begin = time.perf_counter()
        modes = others.submit(measure_until, over, lambda: float(not stack.edge.trusted()), 0.02)
        gone = others.submit(measure_until, over, lambda: _urgent_ban(stack, *next(urgent)), 0.1)
        try:
            bulks.wait_acknowledged(before)
            seconds = time.perf_counter() - begin
        finally:
            over.set()
        stack.settle()
        return {
            "subjects/s": BANS / seconds,
            "urgent p50, ms": 1000 * percentile(gone.result(), 50),
            "urgent p99, ms": 1000 * percentile(gone.result(), 99),
            "urgent max, ms": 1000 * max(gone.result()),
            "urgent bans": len(gone.result()),
            "in fail-safe mode, %": 100 * sum(modes.result()) / len(modes.result()),
        }


def _urgent_images(stack: Stack) -> Iterator[tuple[str, str]]:
    """Add images with an owner each. Yields the code of each, and the scope to ban it by: image and owner in turn."""
    add_images(stack, [(f"urgent-{number}", f"hasty-{number}") for number in range(_IMAGES)])
    stack.settle()
    return ((f"urgent-{number}", "owner" if number % 2 else "image") for number in range(_IMAGES))


def add_images(stack: Stack, images: Sequence[tuple[str, str]]) -> None:
    """Add images, each a code and its owner's key, with the renditions of a sample image."""
    sample = stack.codes[next(iter(stack.codes))][0]
    with stack.database.connect_admin() as admin, admin.cursor() as cursor:
        rows = ", ".join(f"('{code}', '{owner}')" for code, owner in images)
        cursor.execute(f"INSERT INTO images (code, owner) VALUES {rows}")
        codes = ", ".join(f"'{code}'" for code, _ in images)
        cursor.execute(
            "INSERT INTO renditions (code, name, content_type, size, width, height, digest)"
            " SELECT images.code, name, content_type, size, width, height, digest FROM images JOIN renditions"
            f" WHERE images.code IN ({codes}) AND renditions.code = '{sample}'"
        )


def _urgent_ban(stack: Stack, code: str, scope: str) -> float:
    """Measure the seconds from the commit of a ban to the first 410 for an image that was a hit before."""
    url = f"{stack.edge.url}/images/{code}"
    subject = code.replace("urgent", "hasty") if scope == "owner" else code
    with stack.database.connect("moderation") as moderation, requests.Session() as session:
        wait_until(partial(_is_hit, session, url), f"{url} in the cache")
        with moderation.cursor() as cursor:
            cursor.execute("INSERT INTO bans (scope, subject) VALUES (%s, %s)", (scope, subject))
        begin = time.perf_counter()
        wait_until(lambda: session.get(url, timeout=5).status_code == 410, f"{url} gone")
        return time.perf_counter() - begin


def _one_by_one(stack: Stack, scope: str) -> Mapping[str, float]:
    """Send one PURGE a subject, over one connection."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {stack.edge.token()}"
        begin = time.perf_counter()
        for number in range(_REQUESTS):
            tags = f"{scope[0]}:{subject_of(scope, 'one', number)}"
            answer = session.request("PURGE", stack.edge.purge_url, headers={"Takedown-Tags": tags}, timeout=5)
            answer.raise_for_status()
        return {"subjects/s": _REQUESTS / (time.perf_counter() - begin)}


def _is_hit(session: requests.Session, url: str) -> bool:
    return "; hit" in session.get(url, timeout=5).headers["Cache-Status"]
