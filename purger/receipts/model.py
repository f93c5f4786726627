"""The receipts of one code or owner: what was banned, purged, acknowledged and seen. Values only. Times are UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEdge:
    """An edge that has a row in the table ``edges``."""

    name: str
    public_url: str = ""
    enabled: bool = True
    added_at: datetime
    triggers: str | None = None  # fingerprint of those that stood when it was last flushed


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeReceipt:
    """The answer of one edge to one purge, and what was seen at its public listener afterwards."""

    edge: str
    acknowledged_at: datetime | None = None  # the purger's clock
    instance: str | None = None  # the varnishd process that acknowledged
    method: str | None = None  # purge, ban or flush; None: not acknowledged
    removed: int | None = None  # objects; None where the edge does not say
    seen_at: datetime | None = None  # the purger's clock
    status: int | None = None  # without ``seen_at`` of an answer that proved nothing
    gone: bool | None = None
    note: str | None = None  # why nothing was proven, or what was seen before
    looked: int | None = None  # of the banned owner as a whole: the images that were seen gone
    images: int | None = None  # and of how many
    others: int = 0  # images of the banned owner that were looked at, other than the one asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """A row of the outbox."""

    id: int
    cause: str  # ban, lift, unban, resend
    written_at: datetime
    batch: int | None = None
    numbered_at: datetime | None = None
    edges: tuple[EdgeReceipt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An entry of the append-only log."""

    id: int
    action: str  # ban, lift, unban (deleted, or moved to another subject), change
    at: datetime
    account: str
    reason: str = ""
    banned_by: str = ""
    detail: str | None = None  # change: the values before, as JSON
    purge: int | None = None  # the row of the outbox that was written with it; None: none was


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """The time for which an image belonged to an owner. ``since`` is None where the log knows of no time before."""

    owner: str
    since: datetime | None = None
    until: datetime | None = None  # None: it still does
    account: str | None = None  # that ended it
    became: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """A ban, also one whose row is gone, with all that is known of it."""

    id: int
    scope: str
    subject: str
    reason: str = ""
    banned_by: str = ""
    banned_at: datetime | None = None  # as moderation wrote it; None: its row is gone
    lifted_at: datetime | None = None  # as moderation wrote it
    stands: bool = False
    left: Tenure | None = None  # the image belongs to the banned owner no more
    events: tuple[Event, ...] = ()
    purges: tuple[Purge, ...] = ()

    @property
    def logged(self) -> Event | None:
        """The entry of its beginning, which knows who wrote it; None: it is older than the log.

        A ban from before that was lifted and stands again begins in the log, too: it has an earlier purge.
        """
        first = self.events[0] if self.events else None
        if first is None or first.action != "ban":
            return None
        before = [
            purge
            for purge in self._purged("ban")
            if (purge.written_at < first.at if first.purge is None else purge.id < first.purge)
        ]
        return None if before else first

    @property
    def begun(self) -> datetime:
        """When it began: as logged, as its purge was written, or as moderation wrote it, the best that there is."""
        if self.logged:
            return self.logged.at
        written = [purge.written_at for purge in self._purged("ban")]
        others = [event.at for event in self.events] + [purge.written_at for purge in self.purges]
        return (written or ([self.banned_at] if self.banned_at else others))[0]

    @property
    def ended(self) -> datetime | None:
        """When it was lifted or deleted, in the same order of trust; None: it stands."""
        if self.stands:
            return None
        ends = [event.at for event in self.events if event.action in ("lift", "unban")]
        ends = ends or [purge.written_at for purge in self._purged("lift", "unban")]
        return ends[-1] if ends else self.lifted_at

    @property
    def last_banned(self) -> Event | None:
        """The entry of the last time that it began to stand; None: before the log."""
        return next((event for event in reversed(self.events) if event.action == "ban"), None)

    @property
    def ending(self) -> Event | None:
        """The entry of its lift or deletion, when it does not stand."""
        last = next((event for event in reversed(self.events) if event.action != "change"), None)
        return last if last and last.action != "ban" and not self.stands else None

    @property
    def purge(self) -> Purge | None:
        """The purge of the last time that it began to stand; None: there is none, or none is left."""
        bans = self._purged("ban")
        if (last := self.last_banned) is None:
            return bans[-1] if bans else None
        return next((purge for purge in bans if purge.id == last.purge), None)

    @property
    def hides(self) -> bool:
        """Whether it hides now what was asked for."""
        return self.stands and self.left is None

    def _purged(self, *causes: str) -> list[Purge]:
        return [purge for purge in self.purges if purge.cause in causes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """How far back the record goes."""

    tables_made: datetime | None = None
    log_begins: datetime | None = None
    receipts_until: datetime | None = None  # purges that were numbered before are gone, with their receipts
    pruned: bool = False  # rows have left the outbox
    oldest: datetime | None = None  # numbering of the oldest batch that is left

    @property
    def upgraded(self) -> bool:
        """Whether there may be bans that are older than the log: a fresh database gets both within seconds."""
        return bool(self.tables_made and self.log_begins and (self.log_begins - self.tables_made).total_seconds() > 60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """The triggers that write purges of bans, as they stand now."""

    at: datetime | None  # when the younger of them was made; None: one is missing
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All receipts of one code, or of one owner."""

    code: str | None = None
    owner: str | None = None  # that was asked for, or that the image has now
    tenures: tuple[Tenure, ...] = ()
    bans: tuple[Ban, ...] = ()
    resends: tuple[Purge, ...] = ()
    edges: tuple[KnownEdge, ...] = ()
    span: Span = field(default_factory=Span)
    # For bans without a purge: the first flush of each edge after them, by ban and edge.
    flushes: Mapping[tuple[int, str], datetime] = field(default_factory=dict)
    restored: Restored | None = None

    @property
    def enabled(self) -> list[KnownEdge]:
        """The edges that count."""
        return [edge for edge in self.edges if edge.enabled]
