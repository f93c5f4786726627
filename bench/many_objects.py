"""Measure an edge that holds many objects: a hit before and after bulks of each scope, and a ban of one owner.

Database, purger and edge are the product's; nginx plays the origin, so that a cache of a million objects fills in
minutes. Each object has 1 KB, a digest of its own, and an owner who has 100 of them.
"""

import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench.figures.results import Comparison, Result
from bench.tools.bulk_bans import BANS, SCOPES, Bulks
from bench.tools.load import cpu_seconds
from bench.tools.nginx import nginx
from stack.databases.database import Database
from stack.edges.edge import Edge
from stack.processes.waiting import wait_until
from stack.purger import Purger

#: Sizes of the cache. A million objects take 4 GB of memory.
OBJECTS = (10_000, 100_000, 1_000_000)

#: Objects that are hit for one figure, and the number of figures.
_HITS, _SLICES = 4_000, 7

#: Owners that are banned, each with so many objects.
_OWNERS, _OBJECTS_EACH = 20, 100

#: Requests that are sent at once over one connection, and connections.
_PIPELINED, _CONNECTIONS = 50, 8

#: Seconds after which the rebounds of the edge's first flush are over.
_QUIET = 70

#: The answers of the origin.
_ORIGIN = f"""
location ~ "^/images/object-(?<owner>[0-9]{{6}})-(?<number>[0-9]{{9}})" {{
    add_header CDN-Cache-Control max-age=86400;
    add_header Takedown-Owner owner-$owner;
    add_header Takedown-Digest {"0" * 55}$number;
    add_header Takedown-Seen {10**14};
    return 200 {"x" * 1024};
}}
"""


def run(directory: Path, _: int) -> Iterator[Result]:
    """Yield for each number of objects the cost of a hit, and then that of a ban of an owner, whatever the rounds."""
    bans: dict[str, Mapping[str, Sequence[float]]] = {}
    for number in OBJECTS:
        with _Place(directory / str(number), number) as place:
            hits = {"before": place.hits()}
            # Before the bulks, whose rebounds go on for a minute.
            bans[f"{number:,} objects"] = {"CPU of varnishd, ms": place.bans_of_owners()}
            for scope in SCOPES:
                place.bulks.ban_at_once(scope)
                hits[f"after {BANS:,} {scope}s"] = place.hits()
        rows = {name: {"CPU us/request": values} for name, values in hits.items()}
        yield Comparison(f"a hit at an edge with {number:,} objects", rows)
    yield Comparison(f"a ban of one owner with {_OBJECTS_EACH} images", bans)


class _Place(ExitStack):
    """An edge that is full of objects, with its purger and their database."""

    def __init__(self, directory: Path, number: int) -> None:
        super().__init__()
        self._number = number
        database = self.enter_context(Database(directory / "database"))
        database.migrate()
        origin = self.enter_context(nginx(directory / "origin", _ORIGIN))
        # The lease is longer than a bulk may take.
        self.edge = self.enter_context(
            Edge(directory / "edge", f"127.0.0.1:{origin.ports[0]}", lease=300.0, storage=f"{number // 200 + 256}M")
        )
        purger = Purger(directory / "purger", database)
        purger.add_edge(self.edge)
        self.enter_context(purger)
        self.edge.wait_trusted()
        self.bulks = Bulks(database)
        self._fill()
        time.sleep(_QUIET)
        if (kept := self.edge.counters()["MAIN.n_object"]) < number:
            raise RuntimeError(f"no baseline: the edge has {kept} objects")

    def _fill(self) -> None:
        parts = [range(first, self._number, _CONNECTIONS) for first in range(_CONNECTIONS)]
        with ThreadPoolExecutor(_CONNECTIONS) as clients:
            list(clients.map(partial(_ask, self.edge.public_port), parts))

    def hits(self) -> list[float]:
        """Measure microseconds of CPU a hit, of a few thousand objects each time; raises ``RuntimeError`` at a miss."""
        counted, spent = self.edge.counters()["MAIN.cache_hit"], list[float]()
        banned = _OWNERS * _OBJECTS_EACH  # the first ones, by bans_of_owners
        for part in range(_SLICES):
            numbers = [banned + (part * _HITS + index) * 7919 % (self._number - banned) for index in range(_HITS)]
            before = cpu_seconds(self.edge)
            _ask(self.edge.public_port, numbers)
            spent.append(1e6 * (cpu_seconds(self.edge) - before) / _HITS)
        if self.edge.counters()["MAIN.cache_hit"] - counted < _HITS * _SLICES:
            raise RuntimeError("some were no hits")
        return spent

    def bans_of_owners(self) -> list[float]:
        """Measure milliseconds of the edge's CPU from a ban's commit to its acknowledgement."""
        spent = []
        for owner in range(_OWNERS):
            self.bulks.settle()
            objects, before = self.edge.counters()["MAIN.n_object"], cpu_seconds(self.edge)
            self.bulks.ban("owner", f"owner-{owner:06}")
            spent.append(1e3 * (cpu_seconds(self.edge) - before))
            wait_until(
                partial(self._has, objects - _OBJECTS_EACH), f"owner {owner} gone: {_OBJECTS_EACH} objects fewer"
            )
        return spent

    def _has(self, objects: int) -> bool:
        return self.edge.counters()["MAIN.n_object"] <= objects


def _ask(port: int, numbers: Sequence[int]) -> None:
    """Ask for objects by HEAD, many at a time over one connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        for start in range(0, len(numbers), _PIPELINED):
            part = numbers[start : start + _PIPELINED]
            heads = [
                f"HEAD /images/object-{number // 100:06}-{number:09} HTTP/1.1\r\nHost: a\r\n\r\n" for number in part
            ]
            connection.sendall("".join(heads).encode())
            received = b""
            while received.count(b"\r\n\r\n") < len(part):
                if not (data := connection.recv(1 << 16)):
                    raise RuntimeError("the edge has ended the connection")
                received += data
            if received.count(b"HTTP/1.1 200") != len(part):
                raise RuntimeError(f"not 200: {received[:200]!r}")
