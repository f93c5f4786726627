"""Defines the state of a fleet, as `purger status` and the console show it: database, purgers and edges."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Self

from purger.model import LogBacklog, PurgerPresence, WebhookState
from takedown_db.hooks.triggers import HookState


@dataclass(frozen=True, slots=True)
class EdgeProblem:
    """An error at an edge. The table `edges` has it as one text, ``kind: text``."""

    kind: str  # of a ``DeliveryError``
    text: str = ""

    @classmethod
    def read(cls, recorded: str) -> Self:
        """Read what the purger has recorded."""
        kind, _, text = recorded.partition(": ")
        return cls(kind, text)

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}" if self.text else self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeState:
    """The state of an enabled edge: its row in the database, and its answer just now."""

    name: str
    purge_url: str = ""
    public_url: str = ""
    mode: str | None = None  # as the edge names it: trusted, fail-safe, unguarded; None: no answer
    instance: str | None = None  # the varnishd process that answered now, or that answered last
    acknowledged: int = 0  # the last batch of those that the edge has acknowledged without a gap
    lag: int = 0  # number of batches that the edge has not acknowledged
    waits: float = 0.0  # seconds since the first of them was numbered
    heartbeat_age: float | None = None  # seconds since the last heartbeat, by the edge's clock
    lease_remaining: float | None = None  # seconds for which it trusts its cache without another heartbeat
    seen_at: datetime | None = None  # UTC, the database's clock: the last answer to a purger
    epoch: datetime | None = None  # UTC, the edge's clock: the last heartbeat that it accepted
    failure: EdgeProblem | None = None  # why the edge gave no answer just now
    recorded: EdgeProblem | None = None  # the problem that the running purger has with this edge
    batch: int = 0  # the last batch that it was brought to, as it names it; 0: none
    purger: str | None = None  # the id of the purger that has claimed it
    elsewhere: bool = False  # another server answered at its public URL just now
    trust_ends_by: datetime | None = (
        None  # UTC: when it stops trusting its cache at the latest, if no purger reaches it
    )

    @property
    def problem(self) -> EdgeProblem | None:
        """The error of the request just now, or else the one that the running purger recorded."""
        return self.failure or self.recorded


class ServedRemoval(NamedTuple):
    """An edge that still served a removed image after its acknowledgement. Times are UTC, by the database's clock."""

    edge: str
    code: str
    at: datetime
    flushed_at: datetime | None  # when the edge was flushed since


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetState:
    """The state of the database, its purgers and its enabled edges. With ``unusable`` set the rest is empty."""

    unusable: str | None = None  # why the database cannot be used
    older: bool = False  # its schema lacks migrations of this version
    refused: bool = False  # the host, account or database in the URL is unknown, or lacks a grant
    server: str = ""  # the database server of this connection, as it names itself
    adopted: str | None = ""  # the server on which purgers act; None: none was adopted
    purgers: tuple[PurgerPresence, ...] = ()  # the latest signature first
    edges: tuple[EdgeState, ...] = ()
    disabled: int = 0  # number of disabled edges
    lingering: Mapping[str, datetime] = field(default_factory=dict)  # those that lack changes and trust their cache yet
    head: int = 0  # the last batch number
    numbered_at: datetime | None = None  # UTC: when the head got its number
    read_at: datetime | None = None  # UTC, the database's clock
    clock_lead: float = 0.0  # seconds by which this machine's clock is ahead of the database's; negative: behind
    pruned: int = 0  # batches up to this one may have left the outbox
    pending: int = 0  # number of committed changes without a batch number
    stuck: int = 0  # number of those that got none within PATIENCE
    counter_locked: bool = False  # another transaction holds the row of table numbering
    migration_lock: int | None = None  # the connection id that holds the lock of `purger migrate`
    later_migrations: tuple[str, ...] = ()  # that a later version has applied
    missing_triggers: tuple[str, ...] = ()  # that fill the outbox: missing or altered
    weakened_triggers: tuple[str, ...] = ()  # that check rows or write the log: missing or altered
    hooks: tuple[HookState, ...] = ()  # triggers on the site's own tables
    unwatched: tuple[str, ...] = ()  # names of triggers there that write bans and are part of no hook
    unnumberable: int = 0  # number of malformed rows within the last day
    log: LogBacklog = field(default_factory=LogBacklog)  # what the signed log lacks
    webhooks: tuple[WebhookState, ...] = ()  # receivers of webhooks
    served: tuple[ServedRemoval, ...] = ()  # within the last day, the last one of each edge
    largest_ids: Mapping[str, int] | None = None  # by table
    unnamed: int = 0  # number of images that are not known by all their names, up to 100,000

    def edges_of(self, purger: PurgerPresence) -> list[str]:
        """Return the names of the edges that a purger has claimed."""
        return [edge.name for edge in self.edges if edge.purger == purger.id]
