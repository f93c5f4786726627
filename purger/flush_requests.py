"""Asks for flushes: the running purger carries them out, as soon as it reaches the edge."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from mysql.connector.abstracts import MySQLCursorAbstract

from takedown_db.connection import Connection, fetch
from takedown_db.statements import statement

#: Seconds between two looks.
_POLL = 0.1


class UnknownEdgesError(Exception):
    """There are no such edges, and no other was asked to be flushed either. The text names them."""


class Asked(NamedTuple):
    """An edge that is to be flushed."""

    edge: str
    enabled: bool
    done: bool
    problem: str | None  # that the purger has met with


def ask(connection: Connection, names: Iterable[str] | None, by: str) -> dict[str, int]:
    """Ask for a flush of the edges of these names, or of all (None); the number of each request by edge.

    A disabled edge is flushed when it is enabled again. Raises ``UnknownEdgesError`` and ``DatabaseUnavailableError``.
    """
    with connection.transaction() as cursor:
        known = [row[0] for row in fetch(cursor, "flush_requests")]
        wanted = known if names is None else list(dict.fromkeys(names))
        if unknown := [name for name in wanted if name not in known]:
            raise UnknownEdgesError(", ".join(unknown))
        for name in sorted(wanted):
            cursor.execute(statement("ask_flush"), {"name": name, "by": by})
        return {name: number for name, number in _numbers(cursor) if name in wanted}


def wait_flushed(
    connection: Connection, requests: Mapping[str, int], seconds: float, tell: Callable[[str], None] = lambda _: None
) -> list[Asked]:
    """Wait until the purger has carried out these requests, ``seconds`` at most, and return what has become of them.

    A disabled edge is not waited for, and one that was removed meanwhile is left out. ``tell`` is called with the name
    of each edge that is flushed. Raises ``DatabaseUnavailableError``.
    """
    until = time.monotonic() + seconds
    pause = threading.Event()
    told: set[str] = set()
    while True:
        edges = [
            Asked(name, bool(enabled), done >= requests[name], problem)
            for name, enabled, _, done, problem in connection.rows("flush_requests")
            if name in requests
        ]
        for edge in edges:
            if edge.done and edge.edge not in told:
                told.add(edge.edge)
                tell(edge.edge)
        if all(edge.done or not edge.enabled for edge in edges) or time.monotonic() >= until:
            return edges
        pause.wait(_POLL)


def _numbers(cursor: MySQLCursorAbstract) -> list[tuple[str, int]]:
    return [(row[0], int(row[2])) for row in fetch(cursor, "flush_requests")]
