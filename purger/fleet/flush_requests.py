"""Requests flushes of edges: the running purger carries each out as soon as it reaches the edge."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from takedown_db.connection.lasting_connection import Connection, fetch
from takedown_db.statements import statement

#: Seconds between two reads of the requests.
_POLL_INTERVAL = 0.1


class UnknownEdgesError(Exception):
    """Some names are of no edge, so no flush was requested at all. The text lists these names."""


class FlushState(NamedTuple):
    """The state of a requested flush."""

    edge: str
    enabled: bool
    done: bool
    problem: str | None  # that the purger has with this edge


def request_flushes(connection: Connection, names: Iterable[str] | None, by: str) -> dict[str, int]:
    """Request a flush of the named edges, or of all (None), and return the number of each request by edge.

    A disabled edge is flushed when it is enabled again. Raises ``UnknownEdgesError`` and ``DatabaseUnavailableError``.
    """
    with connection.transaction() as cursor:
        known = [edge for edge, *_ in fetch(cursor, "flush_requests")]
        wanted = known if names is None else list(dict.fromkeys(names))
        if unknown := [name for name in wanted if name not in known]:
            raise UnknownEdgesError(", ".join(unknown))
        for name in sorted(wanted):
            cursor.execute(statement("ask_flush"), {"name": name, "by": by, "served": None})
        return {edge: int(number) for edge, _, number, *_ in fetch(cursor, "flush_requests") if edge in wanted}


def wait_flushed(
    connection: Connection, requests: Mapping[str, int], seconds: float, tell: Callable[[str], None] = lambda _: None
) -> list[FlushState]:
    """Wait until the purger has carried out these requests, ``seconds`` at most, and return the state of each.

    Does not wait for a disabled edge, and leaves out an edge that was removed meanwhile. ``tell`` is called with the
    name of each edge when it is flushed. Raises ``DatabaseUnavailableError``.
    """
    until = time.monotonic() + seconds
    pause = threading.Event()
    reported: set[str] = set()
    while True:
        states = _read(connection, requests)
        for state in states:
            if state.done and state.edge not in reported:
                reported.add(state.edge)
                tell(state.edge)
        if all(state.done or not state.enabled for state in states) or time.monotonic() >= until:
            return states
        pause.wait(_POLL_INTERVAL)


def _read(connection: Connection, requests: Mapping[str, int]) -> list[FlushState]:
    # ``requested`` is the number of the last request, ``done`` of the last one that was carried out.
    return [
        FlushState(edge, bool(enabled), done >= requests[edge], problem)
        for edge, enabled, _requested, done, problem in connection.rows("flush_requests")
        if edge in requests
    ]
