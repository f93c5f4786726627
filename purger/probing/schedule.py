"""Queues the probes of each edge, and decides which probe is next. No HTTP and no SQL.

Each edge has a queue, and the edges take turns: the one that is due for the longest time is next. Of its probes the
newest is made first: a person waits for it, while those of a crowd may come later. An edge whose probe proved nothing
rests, for half a second at first and up to 30 s, and the probe waits for all others of its queue. All queues
together hold a limited number, of which each edge has the same share: a queue beyond it loses its oldest probes, and
what is probed of a steady stream of bans is a sample. When the database has gone back (a *setback*), its ids may be
given again to other rows: everything queued before is dropped, and whoever adds a probe says how many setbacks it knows
of.
"""

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from purger.backoff import Backoff
from purger.model import Edge, Row

#: Most probes that may wait, each of about 250 bytes.
WAITING = 5000

#: Shortest and longest rest in seconds of an edge after a probe that proved nothing.
_RESTS = (0.5, 30.0)


@dataclass(frozen=True, slots=True)
class BatchRange:
    """The batches after ``after`` up to ``last``, whose newest ``limit`` bans are to be read and probed.

    ``hours``: only those that were numbered so many hours ago at most; None: all.
    """

    after: int
    last: int
    limit: int
    hours: int | None = None


class ShownRow(NamedTuple):
    """A ban of which an edge has shown an image, to be probed until it is gone."""

    row: Row
    since: float  # moment of the monotonic clock
    flushed: bool = False  # a flush of the edge was asked for


Task = Row | BatchRange | ShownRow


class DueProbe(NamedTuple):
    """The next probe, with the setbacks of the database when it was added."""

    edge: Edge
    task: Task
    setbacks: int


@dataclass(slots=True)
class _Waiting:
    """The probes that wait for one edge, and the moment of the monotonic clock at which the next is due."""

    edge: Edge
    tasks: deque[Task] = field(default_factory=deque)  # the next one last
    due: float = 0.0
    backoff: Backoff = field(default_factory=lambda: Backoff(*_RESTS))


class ProbeSchedule:
    """The queues of probes. Each method that adds probes takes ``setbacks``, as of when they were made."""

    def __init__(self, waiting: int = WAITING) -> None:
        """Let at most ``waiting`` probes wait."""
        self._most = waiting
        self._lock = threading.Lock()
        self._edges: dict[str, _Waiting] = {}
        self._count = 0
        self._setbacks = 0

    def waiting(self) -> int:
        """Count the probes that wait, those of edges that rest among them."""
        with self._lock:
            return self._count

    def begin_anew(self, setbacks: int) -> None:
        """Drop all probes from before the latest of ``setbacks``."""
        with self._lock:
            self._reach(setbacks)

    def follow(self, edges: Iterable[Edge]) -> list[Edge]:
        """Keep the probes of these edges, as they are configured now, and drop all others. Return the new edges."""
        new = []
        with self._lock:
            before, self._edges = self._edges, {}
            for edge in edges:
                waiting = before.pop(edge.name, None)
                if waiting is None:
                    waiting = _Waiting(edge)
                    new.append(edge)
                elif waiting.edge != edge:
                    waiting.edge, waiting.due = edge, 0.0
                self._edges[edge.name] = waiting
            self._count -= sum(len(gone.tasks) for gone in before.values())
        return new

    def put(self, name: str, tasks: Iterable[Task], *, at_once: bool = False, setbacks: int = 0) -> None:
        """Add probes of an edge, and drop its oldest ones where there is no room.

        ``at_once``: the edge has just answered, and rests no longer. Probes of an edge that is not followed are
        dropped.
        """
        with self._lock:
            waiting = self._wanted(name, setbacks)
            if waiting is None:
                return
            before = len(waiting.tasks)
            waiting.tasks += tasks
            if at_once:
                waiting.due = 0.0
            # By the queue itself, and not by all: at 1,000 edges each purge comes here, in the loop of the deliveries.
            while len(waiting.tasks) > max(1, self._most // len(self._edges)):
                waiting.tasks.popleft()
            self._count += len(waiting.tasks) - before

    def take(self, now: float) -> DueProbe | None:
        """Take the next probe that is due at ``now`` (monotonic seconds); None if none is."""
        with self._lock:
            due = [waiting for waiting in self._edges.values() if waiting.tasks and waiting.due <= now]
            if not due:
                return None
            waiting = min(due, key=lambda each: each.due)
            waiting.due = now
            self._count -= 1
            return DueProbe(waiting.edge, waiting.tasks.pop(), self._setbacks)

    def put_back(self, name: str, task: Task, *, setbacks: int = 0) -> None:
        """Keep a probe that was not made after all."""
        with self._lock:
            if waiting := self._wanted(name, setbacks):
                waiting.tasks.append(task)
                self._count += 1

    def put_off(self, name: str, task: Task, *, now: float, setbacks: int = 0) -> None:
        """Keep a probe that proved nothing until the others of its edge were made, and let the edge rest."""
        with self._lock:
            if waiting := self._wanted(name, setbacks):
                waiting.tasks.appendleft(task)
                waiting.due = now + waiting.backoff.next()
                self._count += 1

    def answered(self, name: str) -> None:
        """Note that the edge's public listener answers."""
        with self._lock:
            if waiting := self._edges.get(name):
                waiting.backoff.reset()

    def _reach(self, setbacks: int) -> None:
        if setbacks > self._setbacks:
            self._setbacks = setbacks
            self._count = 0
            for waiting in self._edges.values():
                waiting.tasks.clear()

    def _wanted(self, name: str, setbacks: int) -> _Waiting | None:
        """Return the edge's queue; None if the edge is not followed, or the probe is from before a setback."""
        self._reach(setbacks)
        return self._edges.get(name) if setbacks == self._setbacks else None
