"""Builds the report that `purger status --json` prints. Its fields are the keys of the JSON."""

from dataclasses import dataclass
from datetime import datetime

from purger.fleet.problems import Problem
from purger.fleet.state import EdgeState, FleetState
from purger.model import PurgerPresence
from takedown_db.hooks.triggers import HookState


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgerReport:
    """A purger that has signed within the last day. Times are UTC by the database's clock."""

    id: str
    host: str
    pid: int
    version: str
    since: object
    seen_at: object
    age: float  # seconds since ``seen_at``
    alive: bool
    shares: bool
    edges: list[str]  # that it follows; none, if it is not alive


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseReport:
    """The state of the database (see ``FleetState``)."""

    server: str
    adopted: str | None
    pending: int
    stuck: int
    head: int
    numbered_at: datetime | None
    pruned: int
    missing_triggers: tuple[str, ...]
    weakened_triggers: tuple[str, ...]
    hooks: tuple[HookState, ...]
    unnumberable: int
    counter_locked: bool
    migration_lock: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeReport:
    """The state of an enabled edge (see ``EdgeState``)."""

    name: str
    purge_url: str
    public_url: str
    mode: str | None
    instance: str | None
    acknowledged: int
    lag: int
    waits: float  # seconds since the first batch that the edge has not acknowledged was numbered
    heartbeat_age: float | None
    lease_remaining: float | None
    seen_at: datetime | None
    epoch: datetime | None
    problem: str | None
    purger: str | None  # the id of the purger that has claimed it


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """The whole report."""

    ok: bool
    problems: list[Problem]
    purgers: list[PurgerReport]
    database: DatabaseReport | None  # None: it cannot be used
    edges: list[EdgeReport]
    disabled_edges: int


def status_report(state: FleetState, problems: list[Problem]) -> StatusReport:
    """Build the report on ``state``, of which ``problems`` were found."""
    return StatusReport(
        ok=not problems,
        problems=problems,
        purgers=[_purger(purger, state) for purger in state.purgers],
        database=None if state.unusable is not None else _database(state),
        edges=[_edge(edge) for edge in state.edges],
        disabled_edges=state.disabled,
    )


def _purger(purger: PurgerPresence, state: FleetState) -> PurgerReport:
    return PurgerReport(
        id=purger.id,
        host=purger.host,
        pid=purger.pid,
        version=purger.version,
        since=purger.since,
        seen_at=purger.seen_at,
        age=purger.age,
        alive=purger.alive,
        shares=bool(purger.shares),
        edges=state.edges_of(purger) if purger.alive else [],
    )


def _database(state: FleetState) -> DatabaseReport:
    return DatabaseReport(
        server=state.server,
        adopted=state.adopted,
        pending=state.pending,
        stuck=state.stuck,
        head=state.head,
        numbered_at=state.numbered_at,
        pruned=state.pruned,
        missing_triggers=state.missing_triggers,
        weakened_triggers=state.weakened_triggers,
        hooks=state.hooks,
        unnumberable=state.unnumberable,
        counter_locked=state.counter_locked,
        migration_lock=state.migration_lock,
    )


def _edge(edge: EdgeState) -> EdgeReport:
    return EdgeReport(
        name=edge.name,
        purge_url=edge.purge_url,
        public_url=edge.public_url,
        mode=edge.mode,
        instance=edge.instance,
        acknowledged=edge.acknowledged,
        lag=edge.lag,
        waits=edge.delay,
        heartbeat_age=edge.heartbeat_age,
        lease_remaining=edge.lease_remaining,
        seen_at=edge.seen_at,
        epoch=edge.epoch,
        problem=edge.problem,
        purger=edge.purger,
    )
