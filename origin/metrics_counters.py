"""Counts requests in memory that all processes of ``origin serve`` share, without locks.

Each thread of each process adds to a row of its own: no other one writes there, so that nothing is lost. Whoever reads
adds the rows up. A process that replaces a dead one goes on with its rows.
"""

import itertools
import mmap
import threading
from bisect import bisect_left
from typing import NamedTuple

#: The statuses that are counted separately. All others, which only a changed origin could answer, count as ``other``.
STATUSES = (200, 206, 304, 400, 404, 405, 408, 410, 413, 414, 416, 431, 451, 500, 501, 503, 505)

#: Upper bounds in seconds of the buckets of lookups and of reads from the store.
BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

_OTHER = len(STATUSES)
_BYTES = _OTHER + 1
_LOOKUP = _BYTES + 1  # the sum of seconds; the buckets follow
_STORE = _LOOKUP + len(BOUNDS) + 2
_WIDTH = _STORE + len(BOUNDS) + 2

_INDEX = {b"%d" % status: index for index, status in enumerate(STATUSES)}

#: Bytes of a number.
_SIZE = 8


class Totals(NamedTuple):
    """The counts of all processes together, since the origin was started."""

    requests: dict[str, float]  # by status, or ``other``
    sent: float  # bytes
    lookups: list[float]  # by bucket
    lookup_seconds: float
    reads: list[float]  # by bucket
    read_seconds: float
    processes: int  # that run


class SharedCounters:
    """The counts of ``workers`` processes with ``threads`` threads each. Make it before they are forked."""

    def __init__(self, workers: int, threads: int) -> None:
        self._workers, self._threads = workers, threads
        # Anonymous and shared: it ends with the last process, and pages that nobody writes to take no memory.
        self._memory = mmap.mmap(-1, _SIZE * (workers + workers * threads * _WIDTH))
        self._numbers = memoryview(self._memory).cast("d")

    def runs(self, worker: int, *, running: bool) -> None:
        """Note whether the process of this number, from 0, runs."""
        self._numbers[worker] = running

    def of_worker(self, worker: int) -> "Counters":
        """Return the counters of the process of this number, from 0."""
        width = self._threads * _WIDTH
        start = self._workers + worker * width
        return Counters(self._numbers[start : start + width], self._threads)

    def totals(self) -> Totals:
        """Add up what all processes have counted so far."""
        numbers: list[float] = [*self._numbers[self._workers :]]
        sums = [sum(numbers[index::_WIDTH]) for index in range(_WIDTH)]
        names = [*map(str, STATUSES), "other"]
        return Totals(
            requests=dict(zip(names, sums, strict=False)),
            sent=sums[_BYTES],
            lookups=sums[_LOOKUP + 1 : _STORE],
            lookup_seconds=sums[_LOOKUP],
            reads=sums[_STORE + 1 :],
            read_seconds=sums[_STORE],
            processes=int(sum(self._numbers[: self._workers])),
        )


class _CounterRow(threading.local):
    """The row of each thread: where it begins."""

    def __init__(self, next_row: "itertools.count[int]", threads: int) -> None:
        # The server has exactly so many threads; of any further one a count may be lost.
        self.start = next(next_row) % threads * _WIDTH


class Counters:
    """The counters of one process. Their methods may be called by any thread."""

    def __init__(self, numbers: "memoryview[float]", threads: int) -> None:
        self._numbers = numbers
        self._row = _CounterRow(itertools.count(), threads)

    def answered(self, status: bytes, sent: int) -> None:
        """Count an answer with this status line, for which ``sent`` bytes have left."""
        numbers, start = self._numbers, self._row.start
        numbers[start + _INDEX.get(status[:3], _OTHER)] += 1
        numbers[start + _BYTES] += sent

    def looked_up(self, seconds: float) -> None:
        """Count a lookup in the database."""
        numbers, start = self._numbers, self._row.start + _LOOKUP
        numbers[start] += seconds
        numbers[start + 1 + bisect_left(BOUNDS, seconds)] += 1

    def read(self, seconds: float) -> None:
        """Count the opening of a file, with its first bytes."""
        numbers, start = self._numbers, self._row.start + _STORE
        numbers[start] += seconds
        numbers[start + 1 + bisect_left(BOUNDS, seconds)] += 1
