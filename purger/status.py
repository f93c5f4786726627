"""Reads the state of the whole fleet: from the database, and live from each edge."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mysql.connector

from purger.adoption import newest
from purger.delivery import Answer, Delivery
from purger.errors import CounterLostError, DatabaseUnavailableError, DeliveryError
from purger.health import PATIENCE, EdgeState, State
from purger.link import Link
from purger.model import Edge
from purger.presence import present
from purger.queue import Queue

_AT_ONCE = 16

#: Seconds to wait for an edge's connection and answer.
_CONNECT_TIMEOUT = 1.0
_READ_TIMEOUT = 3.0

#: Errors of the server and (2005) of the driver about what the URL names: account, password, database, grants, host.
_REFUSED = (1044, 1045, 1049, 1142, 1146, 1370, 2005)

#: Lock wait timeout exceeded.
_LOCKED = 1205


def read_state(link: Link) -> State:
    """Read the database and ask every enabled edge. Takes a second when changes wait for a number.

    A database that cannot be used is part of the state.
    """
    try:
        return _read(link)
    except DatabaseUnavailableError as error:
        return State(unusable=str(error), refused=_errno(error) in _REFUSED)


def _read(link: Link) -> State:
    began = time.monotonic()
    waiting = link.rows("waiting")
    rows = link.rows("edge_list")
    edges = [row for row in rows if row[4]]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(_ask, [Edge(*row[:4], *row[-3:]) for row in edges]))
    stuck = _still_waiting(link, waiting, until=began + PATIENCE) if waiting else 0
    found = link.rows("status")
    if not found:
        raise CounterLostError
    head, numbered_at, pruned, pending, unnumberable = found[0]
    delays = _delays(link, {row[0]: int(row[6]) for row in edges}, int(pruned))
    purgers = tuple(present(link))
    triggers = Queue(link).triggers()
    adoption = newest(link)
    link.run("fresh_statistics")
    return State(
        speaker=link.speaker,
        adopted=adoption and adoption.server,
        purgers=purgers,
        edges=tuple(
            _edge(row, answer, int(head), delays.get(row[0], 0.0)) for row, answer in zip(edges, answers, strict=True)
        ),
        disabled=len(rows) - len(edges),
        head=int(head),
        numbered_at=numbered_at,
        pruned=int(pruned),
        pending=int(pending),
        stuck=stuck,
        unnumberable=int(unnumberable),
        migration_lock=link.rows("migrate_lock_holder")[0][0],
        missing_triggers=triggers.missing,
        weakened_triggers=triggers.weakened,
        largest_ids={
            str(table): max(int(following) - 1, int(largest)) for table, following, largest in link.rows("ids_left")
        },
        counter_locked=bool(stuck or not any(purger.alive for purger in purgers)) and _counter_is_locked(link),
    )


def _delays(link: Link, acknowledged: dict[str, int], pruned: int) -> dict[str, float]:
    """Read for how many seconds each edge has been behind, by name; one that is not is left out."""
    delays = {str(name): float(delay) for name, delay in link.rows("delays")}
    for name, batch in acknowledged.items():
        if batch < pruned and name not in delays and (found := link.rows("delay_after", after=batch)):
            delays[name] = float(found[0][0])
    return delays


def _still_waiting(link: Link, before: list[tuple[Any, ...]], *, until: float) -> int:
    """Count the changes in ``before`` that have no number either at ``until``: when they were written says little, as
    they may have been committed just now.
    """
    left = {row[0] for row in before}
    while left and (pause := until - time.monotonic()) > 0:
        time.sleep(min(pause, 0.1))
        left &= {row[0] for row in link.rows("waiting")}
    return len(left)


def _counter_is_locked(link: Link) -> bool:
    """Try whether a transaction holds the counter for a second: the purger itself does for milliseconds."""
    try:
        with link.cursor() as cursor:
            cursor.execute("SET SESSION innodb_lock_wait_timeout = 1")
        link.rows("numbering_wait")
    except DatabaseUnavailableError as error:
        if _errno(error) == _LOCKED:
            return True
        raise
    return False


def _errno(error: DatabaseUnavailableError) -> int | None:
    cause = error.__cause__
    return cause.errno if isinstance(cause, mysql.connector.Error) else None


def _ask(edge: Edge) -> Answer | str:
    """Ask an edge for its mode and clock; text that says why there was no answer."""
    delivery = Delivery(edge, connect_timeout=_CONNECT_TIMEOUT, read_timeout=_READ_TIMEOUT)
    try:
        return delivery.ask()
    except DeliveryError as error:
        return f"{error.kind}: {error}"
    finally:
        delivery.close()


def _edge(row: tuple[Any, ...], answer: Answer | str, head: int, delay: float) -> EdgeState:
    name, purge_url, public_url, _, _, instance, acknowledged, seen_at, epoch, problem = row[:10]
    answered = isinstance(answer, Answer)
    return EdgeState(
        name=str(name),
        purge_url=str(purge_url),
        public_url=str(public_url),
        mode=(answer.mode or "unknown") if isinstance(answer, Answer) else None,
        instance=answer.instance if isinstance(answer, Answer) else instance,
        acknowledged=int(acknowledged),
        lag=max(0, head - int(acknowledged)),
        delay=float(delay),
        seen_at=seen_at,
        epoch=epoch,
        heartbeat_age=_heartbeat_age(answer),
        failure=None if answered else str(answer),
        recorded=problem,
        names_position=not isinstance(answer, Answer) or answer.position is not None,
    )


def _heartbeat_age(answer: Answer | str) -> float | None:
    """Seconds since the epoch that the edge keeps, both by its own clock."""
    if isinstance(answer, str) or not answer.epoch:
        return None
    epoch = float(answer.epoch)
    return float(answer.now) - epoch if epoch else None
