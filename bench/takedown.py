"""Measure the time from a ban's commit until the image is gone, by step, and the cost of waiting for bans.

An image is gone at the moment at which the first request is sent that is not answered with it. That answer, a 410,
comes later: the origin reads the database for it.
"""

import http.client
import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

import requests

from bench.crowd import crowd
from bench.figures.results import Distribution, Result, compare
from bench.tools.load import cpu_seconds
from bench.tools.other_purgers import stack_with
from stack.edges.edge import Edge
from stack.processes.server import Server
from stack.processes.waiting import wait_until
from stack.system import Stack, StackSettings

_BANS, _POLLED, _PURGES = 100, 6, 60  # a round

#: Seconds for which an idle system is watched.
_IDLE = 4.0

#: Steps of a takedown, each with the event of the trace that ends it.
_STEPS = {
    "found and numbered": "numbered",
    "answered to the purger": "returned",
    "loop woken": "woken",
    "planned": "planned",
    "purged at the edge": "answered",
}

_numbers = count(1)


class TimedBan(NamedTuple):
    """The moments of a ban, in seconds of the monotonic clock."""

    sent: float  # the COMMIT
    committed: float
    gone: float
    refused: float  # the 410 has come


def run(directory: Path, rounds: int) -> Iterator[Result]:
    """Measure single bans, beside a loop that polls once a second and one PURGE round trip; then the idle system.

    At last a crowd of bans, until the proof of each.
    """
    # Without a purger the edge of the plain loop keeps its trust for the lease: an hour is longer than the benchmark.
    slow = StackSettings(edge_settings={"lease": 3600})
    ours, trace = stack_with("traced", directory / "ours")
    with ours:
        samples: dict[str, list[float]] = {
            "edge takedown": [],
            "edge takedown, until the 410 has come": [],
            "plain loop with a 1 s poll": [],
            "bare PURGE round trip": [],
        }
        steps: dict[str, list[float]] = {name: [] for name in (*_STEPS, "seen gone")}
        with Stack(directory / "slow", slow) as polled, _plain_loop(polled):
            for _ in range(rounds):
                for _ in range(_BANS):
                    ban = timed_ban(ours, 0.01)
                    samples["edge takedown"].append(1000 * (ban.gone - ban.committed))
                    samples["edge takedown, until the 410 has come"].append(1000 * (ban.refused - ban.committed))
                    for name, seconds in _by_step(ours, ban, trace).items():
                        steps[name].append(1000 * seconds)
                for ban in (timed_ban(polled, 1.0) for _ in range(_POLLED)):
                    samples["plain loop with a 1 s poll"].append(1000 * (ban.gone - ban.committed))
                samples["bare PURGE round trip"] += [1000 * _bare(ours.edge) for _ in range(_PURGES)]
        yield Distribution("commit to gone, one edge", "ms", samples)
        steps["all steps"] = [sum(each) for each in zip(*steps.values(), strict=True)]
        yield Distribution("COMMIT sent to gone, by step", "ms", steps)
        ours.settle()
        yield compare("waiting for bans, idle", {"edge takedown": lambda: _idle(ours)}, rounds)
    yield crowd(directory, rounds)


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


def timed_ban(stack: Stack, poll_interval: float) -> TimedBan:
    """Ban a code, at a moment at random within a poll, and request it until it is gone. Its 404 is a hit before.

    Raises ``TimeoutError`` after 10 s.
    """
    code = f"bench-{next(_numbers)}"
    client = http.client.HTTPConnection("127.0.0.1", stack.edge.public_port, timeout=5)
    with stack.database.connect("moderation") as moderation, moderation.cursor() as cursor:
        wait_until(lambda: "; hit" in _get(client, code)[1], f"{code} in the cache")
        moderation.start_transaction()
        cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (code,))
        # Without a pause each ban would come right after the poll that found the last one, unlike real bans.
        time.sleep(random.uniform(0, poll_interval))
        sent = time.monotonic()
        moderation.commit()
        committed = time.monotonic()
        while True:
            asked = time.monotonic()
            if _get(client, code)[0] == 410:
                return TimedBan(sent, committed, asked, time.monotonic())
            if asked - committed > 10:
                raise TimeoutError(code)


def _get(client: http.client.HTTPConnection, code: str) -> tuple[int, str]:
    """Request an image. Returns status and Cache-Status. This client costs less time than ``requests``."""
    client.request("GET", f"/images/{code}")
    answer = client.getresponse()
    answer.read()
    return answer.status, answer.headers["Cache-Status"]


def _by_step(stack: Stack, ban: TimedBan, trace: Path) -> Mapping[str, float]:
    """Return the seconds of each step of a ban. A step that ended before the one before took none.

    One that has no event took none either: the purger's verifier may find a ban before its poller.
    """
    events: dict[str, float] = {}
    wait_until(lambda: "answered" in _since(ban.sent, trace), "the trace of the ban")
    events = _since(ban.sent, trace)
    with stack.database.connect("purger") as connection, connection.cursor() as cursor:
        clock = time.time() - time.monotonic()
        cursor.execute("SELECT UNIX_TIMESTAMP(numbered_at) FROM batches ORDER BY batch DESC LIMIT 1")
        ((numbered,),) = cursor.fetchall()
    events["numbered"] = float(str(numbered)) - clock
    found, before = {}, ban.sent
    for name, event in (*_STEPS.items(), ("seen gone", "gone")):
        moment = {**events, "gone": ban.gone}.get(event, before)
        found[name] = max(0.0, moment - before)
        before = max(before, moment)
    return found


def _since(moment: float, trace: Path) -> dict[str, float]:
    """Read the first event of each kind after a moment."""
    found: dict[str, float] = {}
    for line in trace.read_text().splitlines()[-40:]:
        name, at = line.split()
        if float(at) > moment:
            found.setdefault(name, float(at))
    return found


def _idle(stack: Stack) -> Mapping[str, float]:
    """Measure the processor time that purger and database take while nothing happens, in percent of a core."""
    servers: dict[str, Server] = {"database": stack.database, "purger": stack.purger}
    before, begin = {name: cpu_seconds(server) for name, server in servers.items()}, time.monotonic()
    time.sleep(_IDLE)
    seconds = time.monotonic() - begin
    each = {name: 100 * (cpu_seconds(server) - before[name]) / seconds for name, server in servers.items()}
    return {f"{name}, % of a core": percent for name, percent in (*each.items(), ("both", sum(each.values())))}


def _bare(edge: Edge) -> float:
    """Measure the seconds of one PURGE over a connection that is open."""
    client = http.client.HTTPConnection("127.0.0.1", edge.purge_port, timeout=5)
    headers = {"Authorization": f"Bearer {edge.token()}"}
    for _ in range(2):  # the second one counts
        begin = time.monotonic()
        client.request("PURGE", "/images/nothing", headers=headers)
        client.getresponse().read()
    seconds = time.monotonic() - begin
    client.close()
    return seconds


def _session(edge: Edge) -> requests.Session:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {edge.token()}"
    return session


def _purge(session: requests.Session, edge: Edge, code: str) -> None:
    session.request("PURGE", f"{edge.purge_url}/images/{code}", timeout=5).raise_for_status()
