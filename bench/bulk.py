"""Measure bulks of 100,000 bans in one transaction, urgent bans among them, and one request a subject beside them.

Then, at a new edge: the cost of a hit while the edge has a bulk in its list of bans, until its lurker has tested all
objects.
"""

import hashlib
import http.client
import string
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path

import requests

from bench.load import cpu_seconds
from bench.results import Comparison, Curves, Result, compare, percentile, spread
from stack.system import Stack, StackSettings
from stack.waiting import wait_until

BANS, _REQUESTS, _IMAGES = 100_000, 1_500, 2_000

#: Images that are hit, once before and twice after a bulk.
_HITS = 500

#: Longest time in seconds that the lurker is watched. It takes no bans that are younger than a minute
#: (ban_lurker_age), and those of the last rebound come 60 to 72 s after the bulk.
_LURKER = 180

#: Seconds after which no rebound of an import removes its images from the cache any more.
_REBOUNDS_OVER = 80

#: Last characters of subjects: the purger sends subjects with the same one in a list.
_ENDINGS = string.ascii_letters + string.digits
_rounds = count(1)

_SCOPES = ("image", "owner", "digest")


def run(directory: Path, rounds: int) -> Iterator[Result]:
    """Compare subjects/s from commit to acknowledgement, and ms from commit to 410 at the edge for urgent bans."""
    with Stack(directory / "bulks") as stack:
        urgent = _urgent_images(stack)
        peer = "one request a subject"
        for scope in _SCOPES:
            yield compare(
                f"bulk of {BANS:,} {scope}s in one transaction, one edge",
                {
                    peer: partial(_one_by_one, stack, scope),
                    "edge takedown": partial(_bulk, stack, scope, urgent),
                },
                rounds=min(rounds, 3),
                warm_up=0,
            )
    # The lease is longer than a bulk may take.
    with Stack(directory / "hits", StackSettings(edge_settings={"lease": 300})) as stack:
        yield from _bans_left_behind(stack)


def _bulk(stack: Stack, scope: str, urgent: Iterator[tuple[str, str]]) -> Mapping[str, float]:
    over = threading.Event()
    with ThreadPoolExecutor(2) as others:
        before = head(stack)
        ban_at_once(stack, scope)
        begin = time.perf_counter()
        modes = others.submit(_until, over, lambda: float(not stack.edge.trusted()), 0.02)
        gone = others.submit(_until, over, lambda: _urgent_ban(stack, *next(urgent)), 0.1)
        try:
            wait_acknowledged(stack, before)
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
            "bans in the edge's list": stack.edge.counters()["MAIN.bans"],
        }


def _until(over: threading.Event, once: Callable[[], float], pause: float) -> list[float]:
    seen = [once()]
    while not over.wait(pause):
        seen.append(once())
    return seen


def ban_at_once(stack: Stack, scope: str) -> None:
    """Ban 100,000 subjects of a scope in one transaction."""
    prefix = f"bulk{next(_rounds)}"
    with stack.database.connect("moderation") as moderation, moderation.cursor() as cursor:
        moderation.start_transaction()
        for start in range(0, BANS, 5000):
            numbers = range(start, start + 5000)
            rows = ", ".join(f"('{scope}', '{_subject(scope, prefix, number)}')" for number in numbers)
            cursor.execute(f"INSERT INTO bans (scope, subject) VALUES {rows}")
        moderation.commit()


def _subject(scope: str, prefix: str, number: int) -> str:
    """Make a subject of a scope. The last characters of all of them are evenly spread."""
    name = f"{prefix}-{number}{_ENDINGS[number % 62]}"
    return hashlib.sha256(name.encode()).hexdigest() if scope == "digest" else name


def wait_acknowledged(stack: Stack, before: int) -> None:
    """Wait until 100,000 rows have a batch above ``before``, and the edge has acknowledged them.

    Reads a few small rows only: a query on the outbox would slow down what is measured.
    """
    with stack.database.connect("purger") as connection, connection.cursor() as cursor:

        def numbered() -> int | None:
            cursor.execute(f"SELECT SUM(size), MAX(batch) FROM batches WHERE batch > {before}")
            ((size, batch),) = cursor.fetchall()
            return int(str(batch)) if int(str(size or 0)) >= BANS else None

        def acknowledged() -> bool:
            cursor.execute(f"SELECT 1 FROM edges WHERE acknowledged < {batch}")
            return not cursor.fetchall()

        batch = wait_until(numbered, "all bans numbered", seconds=120)
        wait_until(acknowledged, "all bans acknowledged", seconds=120)


def head(stack: Stack) -> int:
    """Read the last batch number."""
    with stack.database.connect("purger") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT last_batch FROM numbering")
        ((batch,),) = cursor.fetchall()
        return int(str(batch))


def _urgent_images(stack: Stack) -> Iterator[tuple[str, str]]:
    """Add images with an owner each. Yields the code of each, and the scope to ban it by: image and owner in turn."""
    _add_images(stack, [(f"urgent-{number}", f"hasty-{number}") for number in range(_IMAGES)])
    stack.settle()
    return ((f"urgent-{number}", "owner" if number % 2 else "image") for number in range(_IMAGES))


def _add_images(stack: Stack, images: Sequence[tuple[str, str]]) -> None:
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
    """Send one PURGE an image, or one BAN an owner or digest, over one connection."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {stack.edge.token()}"
        begin = time.perf_counter()
        for number in range(_REQUESTS):
            subject = _subject(scope, "one", number)
            if scope == "image":
                answer = session.request("PURGE", f"{stack.edge.purge_url}/images/{subject}", timeout=5)
            else:
                headers = {f"Takedown-{scope.title()}s": subject}
                answer = session.request("BAN", stack.edge.purge_url, headers=headers, timeout=5)
            answer.raise_for_status()
        return {"subjects/s": _REQUESTS / (time.perf_counter() - begin)}


def _bans_left_behind(stack: Stack) -> Iterator[Result]:
    """Measure hits before and after a bulk, and watch the lurker until it has dealt with all bans of the bulk."""
    codes = [f"hit-{number}" for number in range(_HITS)]
    _add_images(stack, [(code, "hits") for code in codes])
    stack.settle()
    time.sleep(_REBOUNDS_OVER)
    with requests.Session() as session:
        for code in codes:
            url = f"{stack.edge.url}/images/{code}"
            wait_until(partial(_is_hit, session, url), f"{url} in the cache")
    _forget_bans(stack)
    figures = {"before the bulk": _hits(stack, codes)}
    if left_over := _untested(stack):
        raise RuntimeError(f"no baseline: the edge still has {left_over} bans to test objects against")
    before = head(stack)
    ban_at_once(stack, "image")
    wait_acknowledged(stack, before)
    begin = time.monotonic()
    stack.edge.wait_trusted()
    figures["first hit after it"] = _hits(stack, codes)
    figures["second hit after it"] = _hits(stack, codes)
    left = [(0.0, _untested(stack))]
    # The last rebound adds bans again: before it there may be none left.
    while (left[-1][1] > 0 or left[-1][0] < _REBOUNDS_OVER) and left[-1][0] < _LURKER:
        time.sleep(2)
        left.append((time.monotonic() - begin, _untested(stack)))
    figures["after the lurker"] = _hits(stack, codes)
    rows = {name: {figure: [value] for figure, value in measured.items()} for name, measured in figures.items()}
    yield Comparison(f"a hit before and after a bulk of {BANS:,} images", rows)
    yield Curves("bans that the lurker has yet to test", "seconds since the bulk", "bans", {"edge takedown": left})


def _forget_bans(stack: Stack) -> None:
    """Wait until the lurker has dealt with all bans so far: each would be a part of the baseline's cost of a hit.

    The lurker may take young bans for that. Raises ``TimeoutError``.
    """
    age = stack.edge.parameters()["ban_lurker_age"]
    stack.edge.set_parameter("ban_lurker_age", 0)
    wait_until(lambda: _untested(stack) == 0, "no ban left in the edge's list")
    stack.edge.set_parameter("ban_lurker_age", age)


def _untested(stack: Stack) -> int:
    """Count the bans that some objects have yet to be tested against."""
    counters = stack.edge.counters()
    return counters["MAIN.bans"] - counters["MAIN.bans_completed"]


def _is_hit(session: requests.Session, url: str) -> bool:
    return "; hit" in session.get(url, timeout=5).headers["Cache-Status"]


def _hits(stack: Stack, codes: Iterable[str]) -> Mapping[str, float]:
    """Request each image once, over one connection. Returns the time of an answer, and the edge's CPU time for it.

    Raises ``RuntimeError`` where some are no hits.
    """
    client = http.client.HTTPConnection("127.0.0.1", stack.edge.public_port, timeout=5)
    milliseconds = []
    before = cpu_seconds(stack.edge)
    for code in codes:
        begin = time.monotonic()
        client.request("HEAD", f"/images/{code}")
        answer = client.getresponse()
        answer.read()
        milliseconds.append(1000 * (time.monotonic() - begin))
        if "; hit" not in answer.headers["Cache-Status"]:
            raise RuntimeError(f"{code} is no hit: {answer.headers['Cache-Status']}")
    spent = cpu_seconds(stack.edge) - before
    return {**spread(milliseconds, "ms"), "CPU us/request": 1e6 * spent / len(milliseconds)}
