"""Reads the state of the fleet from the database, and asks each enabled edge for its own."""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import starmap
from typing import NamedTuple

from purger.edge.answer import EdgeAnswer
from purger.edge.ask import ask_edge, leads_elsewhere
from purger.edge.errors import DeliveryError
from purger.fleet.edges import ListedEdge, list_edges
from purger.fleet.presence import present
from purger.fleet.problems import PATIENCE, unclaimed
from purger.fleet.state import EdgeProblem, EdgeState, FleetState, ServedRemoval
from purger.model import Edge, PurgerPresence, WebhookState
from purger.outbox.outbox import Outbox
from purger.signed_log.backlog import read_backlog
from takedown_db.connection.adoption import newest
from takedown_db.connection.error_numbers import URL_REFUSED, ErrorNumber
from takedown_db.connection.errors import (
    CounterLostError,
    DatabaseUnavailableError,
    SchemaOlderError,
    error_number,
)
from takedown_db.connection.lasting_connection import Connection, fetch_sets
from takedown_db.hooks.triggers import HookState, PresentTrigger, RecordedTrigger, judge_hooks, unwatched_triggers

#: The number of edges that are asked at the same time.
_AT_ONCE = 16

#: Seconds to wait for a connection to an edge.
_CONNECT_TIMEOUT = 1.0

#: Seconds to wait for an edge's answer.
_READ_TIMEOUT = 3.0

#: Seconds between two reads of the changes that wait for a number.
_POLL_INTERVAL = 0.1

#: Seconds since the start of this command after which an edge that has no purger is a problem.
_LONGEST_MOVE = 3.0


class _OutboxState(NamedTuple):
    """The row of the statement ``outbox_state``: fields of ``FleetState``."""

    head: int
    numbered_at: datetime
    read_at: datetime
    pruned: int
    pending: int
    unnumberable: int


def read_state(connection: Connection) -> FleetState:
    """Read the state of the fleet. Takes a second when changes wait for a number.

    A database that cannot be used is returned as a part of the state, not raised.
    """
    try:
        return _read(connection)
    except DatabaseUnavailableError as error:
        return FleetState(
            unusable=str(error),
            older=isinstance(error, SchemaOlderError),
            refused=error_number(error) in URL_REFUSED,
        )


def _read(connection: Connection) -> FleetState:
    began = time.monotonic()
    later_migrations = Outbox(connection).later_migrations()
    waiting = _unnumbered(connection)
    edges = list_edges(connection)
    enabled = [edge for edge in edges if edge.enabled]
    # Before the last batch is read: no edge can be ahead of it then, unless the database has gone back.
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(_ask, [edge.settings for edge in enabled]))
    stuck = _still_waiting(connection, waiting, until=began + PATIENCE) if waiting else 0
    outbox = _outbox_state(connection)
    clock_lead = _clock_lead(outbox)
    delays = _delays(connection, enabled, outbox.pruned)
    purgers, claims = _purgers_and_claims(connection, until=began + _LONGEST_MOVE)
    triggers = Outbox(connection).triggers()
    hooks, unwatched = read_hooks(connection)
    adoption = newest(connection)
    connection.run("fresh_statistics")
    return FleetState(
        server=connection.server,
        adopted=adoption and adoption.server,
        purgers=purgers,
        edges=tuple(
            replace(_edge_state(edge, answer, outbox.head, delays.get(edge.name, 0.0)), purger=claims.get(edge.name))
            for edge, answer in zip(enabled, answers, strict=True)
        ),
        disabled=len(edges) - len(enabled),
        lingering=dict(_lingering(edges, outbox)),
        **outbox._asdict(),
        clock_lead=clock_lead,
        stuck=stuck,
        migration_lock=_migration_lock(connection),
        later_migrations=later_migrations,
        missing_triggers=triggers.missing,
        weakened_triggers=triggers.weakened,
        hooks=hooks,
        unwatched=unwatched,
        log=read_backlog(connection),
        webhooks=tuple(starmap(WebhookState, connection.rows("webhooks"))),
        served=tuple(starmap(ServedRemoval, connection.rows("edges_that_served"))),
        largest_ids=_largest_ids(connection),
        unnamed=int(connection.rows("count_unnamed")[0][0]),
        counter_locked=bool(stuck or not any(purger.alive for purger in purgers)) and _counter_is_locked(connection),
    )


def _lingering(edges: Iterable[ListedEdge], outbox: _OutboxState) -> Iterator[tuple[str, datetime]]:
    """Find the disabled edges that lack changes and may still show what these removed, with the end of their trust."""
    for edge in edges:
        by = edge.trust_ends_by
        if by and not edge.enabled and by > outbox.read_at and edge.acknowledged < outbox.head:
            yield edge.name, by


def _purgers_and_claims(
    connection: Connection, until: float
) -> tuple[tuple[PurgerPresence, ...], dict[str, str | None]]:
    """Read the purgers, and the claim of each enabled edge. An edge that is moving is awaited ``until`` (monotonic)."""
    while True:
        purgers = tuple(present(connection))
        claims = {edge.name: edge.purger for edge in list_edges(connection) if edge.enabled}
        if not unclaimed(claims, purgers) or (pause := until - time.monotonic()) <= 0:
            return purgers, claims
        time.sleep(min(pause, _POLL_INTERVAL))


def _outbox_state(connection: Connection) -> _OutboxState:
    rows = connection.rows("outbox_state")
    if not rows:
        raise CounterLostError
    return _OutboxState(*rows[0])


def clocks(connection: Connection) -> tuple[float, float]:
    """Read by how many seconds the last date of a change, and this machine's clock, are ahead of the database's clock.

    Raises ``DatabaseUnavailableError``.
    """
    outbox = _outbox_state(connection)
    return (outbox.numbered_at - outbox.read_at).total_seconds(), _clock_lead(outbox)


def _clock_lead(outbox: _OutboxState) -> float:
    return (datetime.now(UTC).replace(tzinfo=None) - outbox.read_at).total_seconds()


def _unnumbered(connection: Connection) -> set[int]:
    """Read the ids of the committed changes that have no batch number."""
    return {change for (change,) in connection.rows("unnumbered_rows")}


def _migration_lock(connection: Connection) -> int | None:
    """Read the id of the connection that holds the lock of `purger migrate`."""
    ((holder,),) = connection.rows("migrate_lock_holder")
    return None if holder is None else int(holder)


def _largest_ids(connection: Connection) -> dict[str, int]:
    """Read the largest id that each table has given or holds."""
    rows = connection.rows("ids_left")
    return {str(table): max(int(following) - 1, int(largest)) for table, following, largest in rows}


def read_hooks(connection: Connection) -> tuple[tuple[HookState, ...], tuple[str, ...]]:
    """Read the state of each hook, and the names of the triggers that write bans and are part of none.

    The purger's account sees the triggers, but no table of the site.
    """
    rows, *triggers = connection.repeated(lambda cursor: fetch_sets(cursor, "hooks_and_triggers"))
    hooks = [(str(name), str(schema), str(table)) for name, schema, table in rows]
    recorded = [RecordedTrigger(*map(str, row)) for row in triggers[0]]
    present = [PresentTrigger(*map(str, row)) for row in triggers[1]]
    return judge_hooks(hooks, recorded, present), unwatched_triggers(hooks, recorded, present)


def _delays(connection: Connection, edges: list[ListedEdge], pruned: int) -> dict[str, float]:
    """Read how many seconds ago the first batch was numbered that an edge has not acknowledged, by name of the edge.

    Leaves out the edges that have acknowledged every batch.
    """
    delays = {str(name): float(delay) for name, delay in connection.rows("edge_delays")}
    for edge in edges:
        if edge.acknowledged < pruned and edge.name not in delays:
            # The next batch was pruned: take the age of the first one that is left.
            for (age,) in connection.rows("batch_age", after=edge.acknowledged):
                delays[edge.name] = float(age)
    return delays


def _still_waiting(connection: Connection, before: set[int], *, until: float) -> int:
    """Count the changes in ``before`` that still have no number at ``until`` (monotonic seconds).

    The time at which a change was written does not help: it may have been committed just now.
    """
    left = set(before)
    while left and (pause := until - time.monotonic()) > 0:
        time.sleep(min(pause, _POLL_INTERVAL))
        left &= _unnumbered(connection)
    return len(left)


def _counter_is_locked(connection: Connection) -> bool:
    """Tell whether a transaction holds the counter for a second. The purger holds it for milliseconds."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION innodb_lock_wait_timeout = 1")
        connection.rows("numbering_lock")
    except DatabaseUnavailableError as error:
        if error_number(error) == ErrorNumber.ER_LOCK_WAIT_TIMEOUT:
            return True
        raise
    return False


def _ask(edge: Edge) -> tuple[EdgeAnswer | EdgeProblem, bool]:
    """Ask an edge for its mode, its clock and its position. Returns its answer, or the error.

    The second value is True if another server answers at its public URL.
    """
    times = {"connect_timeout": _CONNECT_TIMEOUT, "read_timeout": _READ_TIMEOUT}
    try:
        answer, proof = ask_edge(edge, **times)
        return answer, leads_elsewhere(edge, proof, **times)
    except DeliveryError as error:
        return EdgeProblem(error.kind, str(error)), False


def _edge_state(edge: ListedEdge, asked: tuple[EdgeAnswer | EdgeProblem, bool], head: int, waits: float) -> EdgeState:
    answer, elsewhere = asked
    state = EdgeState(
        name=edge.name,
        purge_url=edge.purge_url,
        public_url=edge.public_url,
        instance=edge.instance,
        acknowledged=edge.acknowledged,
        lag=max(0, head - edge.acknowledged),
        waits=waits,
        seen_at=edge.seen_at,
        epoch=edge.epoch,
        trust_ends_by=edge.trust_ends_by,
        recorded=EdgeProblem.read(edge.problem) if edge.problem else None,
    )
    if isinstance(answer, EdgeProblem):
        return replace(state, failure=answer)
    return replace(
        state,
        mode=answer.mode or "unknown",
        instance=answer.instance,
        heartbeat_age=answer.heartbeat_age,
        lease_remaining=answer.lease_remaining,
        batch=answer.position.batch,
        elsewhere=elsewhere,
    )
