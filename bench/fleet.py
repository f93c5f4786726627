"""Measure a ban's way to all edges of a fleet: stub edges with the purge listener's protocol, and some real varnishds.

A stub is a few microseconds of work a request, so that the figures show purgers and database.
"""

import random
import resource
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.figures.results import Comparison, Distribution, Result, percentile
from bench.tools.bulk_bans import BANS, SCOPES, Bulks, measure_until
from bench.tools.load import cpu_seconds, memory_mb
from stack.databases.database import Database
from stack.edges.edge import Edge
from stack.edges.stub_fleet import StubEdges
from stack.processes.ports import free_port
from stack.processes.waiting import wait_until
from stack.purger import Purger

#: Numbers of edges that one purger serves, and the two fleets that are compared.
_ONE_PURGER = (1, 10, 30, 100, 250)
_LARGE, _PURGERS = 1000, 4

#: Fleets that are banned for in bulk: a name, the number of edges and their round trip in seconds.
_BULKS = (("1 edge", 1, 0.0), ("1 edge, 100 ms away", 1, 0.1), ("30 edges", 30, 0.0), ("100 edges", 100, 0.0))

#: Bans in a round, and seconds after each: its prompt rebound is over by then, and falls into no other ban.
_BANS, _PAUSE = 2, 1.2

#: Seconds for which a fleet without bans is watched.
_QUIET = 4.0

#: Round trips in seconds of 20 regions, as from Frankfurt: a few in Europe, most on other continents.
_REGIONS = (
    *(0.001, 0.008, 0.012, 0.018, 0.025, 0.033, 0.045, 0.060, 0.085, 0.090),
    *(0.100, 0.115, 0.125, 0.145, 0.155, 0.180, 0.200, 0.225, 0.250, 0.290),
)

_REAL = 10
_numbers = count(1)


class _Ban(NamedTuple):
    """The milliseconds from a ban's commit until its purge arrived at edges."""

    median: float
    slowest: float


class _Fleet:
    """Stub edges and so many purgers of a database, in a ``with`` block; each edge trusts its cache."""

    def __init__(
        self, directory: Path, database: Database, edges: int, purgers: int = 1, *, regions: bool = False
    ) -> None:
        """Take a migrated database without edges. The edges are removed from it at the end."""
        self._running = ExitStack()
        self._directory, self._edges, self._count, self._regions = directory, edges, purgers, regions
        self.database = database
        self.stubs = StubEdges(directory / "stubs", edges)
        self.purgers: list[Purger] = []

    def __enter__(self) -> "_Fleet":
        with ExitStack() as running:
            running.enter_context(self.stubs)
            if self._regions:
                for number, seconds in enumerate(_REGIONS):
                    self.stubs.delay(seconds, list(self.stubs.urls)[number :: len(_REGIONS)])
            with self.database.connect_admin() as admin:
                running.callback(self._remove_edges)
                self.stubs.add_to(admin)
            for number in range(self._count):
                purger = Purger(self._directory / f"purger{number}", self.database)
                self.purgers.append(running.enter_context(purger))
            self.settle()
            self._running = running.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._running.close()

    def _remove_edges(self) -> None:
        with self.database.connect_admin() as admin, admin.cursor() as cursor:
            cursor.execute("DELETE FROM edges")

    def settle(self) -> None:
        """Wait until each edge has had three heartbeats, and the flushes of its beginning are over."""
        wait_until(lambda: all(each["renewals"] >= 3 for each in self.stubs.records().values()), "heartbeats", 120)
        self.stubs.forget()
        time.sleep(6)  # the later rebound of the flush

    def ban(self) -> _Ban:
        """Ban a code, and wait until its purge has arrived at each edge, and the prompt rebound is over."""
        time.sleep(random.uniform(0, 0.05))
        ban = self._told_after()
        time.sleep(_PAUSE)
        return ban

    def _told_after(self) -> _Ban:
        code = f"fleet-{next(_numbers)}"
        self.stubs.watch([code])
        with self.database.connect("moderation") as moderation, moderation.cursor() as cursor:
            cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (code,))
            committed = time.time()
        wait_until(lambda: len(self.stubs.arrivals(code)) == self._edges, f"{code} purged everywhere")
        arrived = [1000 * (moment - committed) for moment in self.stubs.arrivals(code).values()]
        return _Ban(median(arrived), max(arrived))

    def bulk(self, scope: str) -> dict[str, float]:
        """Ban 100,000 subjects in one transaction, and codes one by one until each edge has all of these."""
        bulks, over = Bulks(self.database), threading.Event()
        self.stubs.forget()
        with ThreadPoolExecutor(1) as others:
            before = bulks.commit(scope)
            began = time.perf_counter()
            urgent = others.submit(measure_until, over, lambda: self._told_after().slowest, 0.1)
            try:
                bulks.wait_acknowledged(before)
                seconds = time.perf_counter() - began
            finally:
                over.set()
        bulks.settle()
        records = self.stubs.records().values()
        return {
            "subjects/s": BANS / seconds,
            "urgent p50, ms": percentile(urgent.result(), 50),
            "urgent p99, ms": percentile(urgent.result(), 99),
            "urgent bans": len(urgent.result()),
            "latest heartbeat, s": max(max(each["longest_gap"], each["silence"]) for each in records),
            "leases that ran out": sum(each["lapses"] for each in records),
        }

    def usage(self, work: Callable[[], None]) -> dict[str, float]:
        """Watch the fleet during ``work``: CPU time, memory of the largest purger, and heartbeats."""
        before, began = self._cpu_seconds(), time.monotonic()
        self.stubs.forget()
        work()
        records, seconds = list(self.stubs.records().values()), time.monotonic() - began
        spent = [after - former for after, former in zip(self._cpu_seconds(), before, strict=True)]
        requests = sum(each["requests"] for each in records)
        return {
            "purgers, % of a core": 100 * sum(spent[1:]) / seconds,
            "CPU us/request": 1e6 * sum(spent[1:]) / requests,
            "database, % of a core": 100 * spent[0] / seconds,
            "in all, % of a core": 100 * sum(spent) / seconds,
            "RSS MB a purger": max(map(memory_mb, self.purgers)),
            "heartbeats/s an edge": sum(each["renewals"] for each in records) / seconds / self._edges,
            "latest heartbeat, s": max(max(each["longest_gap"], each["silence"]) for each in records),
            "leases that ran out": sum(each["lapses"] for each in records),
        }

    def _cpu_seconds(self) -> list[float]:
        return [cpu_seconds(server) for server in (self.database, *self.purgers)]


def run(directory: Path, rounds: int) -> Iterator[Result]:
    """Measure one purger at growing numbers of edges, 20 regions, four purgers, and real edges."""
    # A purger has two descriptors an edge, and shells allow 1,024.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    slowest: dict[int, list[float]] = {}
    under_bans: dict[str, dict[str, list[float]]] = {}
    without: dict[str, dict[str, list[float]]] = {}

    def measure(name: str, fleet: _Fleet) -> list[_Ban]:
        bans: list[_Ban] = []
        usage = fleet.usage(lambda: bans.extend(fleet.ban() for _ in range(_BANS * rounds)))
        under_bans[name] = {figure: [value] for figure, value in usage.items()}
        usage = fleet.usage(lambda: time.sleep(_QUIET))
        without[name] = {figure: [value] for figure, value in usage.items()}
        return bans

    with Database(directory / "database") as database:
        database.migrate()
        for edges in _ONE_PURGER:
            with _Fleet(directory / f"one-{edges}", database, edges) as fleet:
                slowest[edges] = [ban.slowest for ban in measure(f"{edges} edges", fleet)]
        yield Comparison("slowest edge, one purger", {f"{edges} edges": _ranks(ms) for edges, ms in slowest.items()})

        large: dict[str, Sequence[float]] = {}
        for purgers in (1, _PURGERS):
            with _Fleet(directory / f"large-{purgers}", database, _LARGE, purgers) as fleet:
                name = f"{_LARGE:,} edges, {purgers} purger{'s' if purgers > 1 else ''}"
                large[name] = [ban.slowest for ban in measure(name, fleet)]
        yield Distribution(f"slowest of {_LARGE:,} edges", "ms", large)

        with _Fleet(directory / "regions", database, 100, regions=True) as fleet:
            bans = measure("100 edges in 20 regions", fleet)
        yield from _bulks(directory, database)
    far = {"slowest edge": [ban.slowest for ban in bans], "median edge": [ban.median for ban in bans]}
    yield Distribution("100 edges in 20 regions, round trips of 1 to 290 ms", "ms", far)
    yield Comparison("a fleet without bans", without)
    yield Comparison("a fleet under single bans", under_bans)
    real = list(_real_edges(directory / "real", _BANS * rounds))
    yield Distribution(f"slowest of {_REAL} real edges", "ms", {"varnishd": real})


def _bulks(directory: Path, database: Database) -> Iterator[Result]:
    """Measure bulks of each scope at growing numbers of edges, and at one that is far away."""
    found: dict[str, dict[str, dict[str, list[float]]]] = {scope: {} for scope in SCOPES}
    for name, edges, seconds in _BULKS:
        with _Fleet(directory / f"bulks-{edges}-{seconds}", database, edges) as fleet:
            fleet.stubs.delay(seconds)
            for scope in SCOPES:
                found[scope][name] = {figure: [value] for figure, value in fleet.bulk(scope).items()}
    for scope, figures in found.items():
        yield Comparison(f"{BANS:,} {scope}s in one transaction, by number of edges", figures)


def _ranks(samples: Sequence[float]) -> dict[str, list[float]]:
    return {"p50, ms": [percentile(samples, 50)], "p99, ms": [percentile(samples, 99)], "max, ms": [max(samples)]}


def _real_edges(directory: Path, bans: int) -> Iterator[float]:
    """Ban codes at ten varnishds; yield the milliseconds until the last one has acknowledged, by the receipts."""
    with ExitStack() as running:
        database = running.enter_context(Database(directory / "database"))
        database.migrate()
        backend = f"127.0.0.1:{free_port()}"  # nobody requests an image
        edges = [Edge(directory / f"edge{number}", backend, name=f"edge{number}") for number in range(_REAL)]
        purger = Purger(directory / "purger", database)
        for edge in edges:
            running.enter_context(edge)
            purger.add_edge(edge)
        running.enter_context(purger)
        for edge in edges:
            edge.wait_trusted()
        with database.connect_admin() as admin, admin.cursor() as cursor:
            for _ in range(bans):
                cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (f"real-{next(_numbers)}",))
                committed = time.time()
                cursor.execute("SELECT MAX(id) FROM invalidations")
                ((row,),) = cursor.fetchall()
                receipts = (
                    "SELECT COUNT(*), UNIX_TIMESTAMP(MAX(acknowledged_at)) FROM receipts JOIN invalidations"
                    f" ON invalidations.batch BETWEEN first_batch AND receipts.batch WHERE invalidations.id = {row!s}"
                )

                def acknowledged(statement: str = receipts) -> float | None:
                    cursor.execute(statement)
                    ((edges_done, latest),) = cursor.fetchall()
                    return float(str(latest)) if edges_done == _REAL else None

                yield 1000 * (wait_until(acknowledged, "receipts of all edges") - committed)
                time.sleep(_PAUSE)
