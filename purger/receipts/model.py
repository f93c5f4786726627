"""Defines the receipts of one subject: bans, purges, acknowledgements and probe results. Times are UTC.

The first fields of ``EdgeReceipt``, ``Purge``, ``LogEntry`` and ``Erasure`` are the columns of their statements in
`takedown_db/sql/receipts.sql`, in the same order.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from takedown_base.scope import Scope
from takedown_db.schema.triggers import Triggers


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEdge:
    """An edge that has a row in the table `edges`."""

    name: str
    public_url: str = ""
    enabled: bool = True
    added_at: datetime
    triggers: str | None = None  # fingerprint of the triggers that existed when the edge was last flushed
    trust_ends_by: datetime | None = None  # when it stops trusting its cache at the latest, if no purger reaches it
    lingers: bool = False  # it was disabled, and its trust may not have ended yet
    instance: str | None = None  # the varnishd that answered last at its purge URL


@dataclass(frozen=True, slots=True)
class EdgeReceipt:
    """The acknowledgement of one purge by one edge, and the result of the probe that followed."""

    edge: str
    acknowledged_at: datetime | None = None  # by the database's clock, as all times of a report
    instance: str | None = None  # the varnishd process that acknowledged
    method: str | None = None  # purge or flush; None: not acknowledged
    removed: int | None = None  # number of objects; None: the edge does not say
    seen_at: datetime | None = None  # when a probe proved ``gone``, true or false
    status: int | None = None  # of the probe's answer; without ``seen_at`` the answer proved nothing
    gone: bool | None = None  # False: the probe got the image
    note: str | None = None  # why nothing was proven, or the probe result that a later one replaced
    probed: int | None = None  # number of a banned owner's or digest's images that were proven gone
    images: int | None = None  # number of all images of this owner or digest
    flushed_at: datetime | None = None  # when the edge was flushed since a probe got the image, if ``gone`` now
    others: int = 0  # number of probed images of the banned owner or digest other than the one asked for


@dataclass(frozen=True, slots=True)
class Purge:
    """A row of the outbox, with each edge's receipt."""

    id: int
    cause: str  # ban, lift, unban, resend
    written_at: datetime
    batch: int | None = None
    numbered_at: datetime | None = None
    edges: tuple[EdgeReceipt, ...] = ()


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry of the append-only log `moderation_log`."""

    id: int
    action: str  # ban, lift, unban (deleted, or moved to another subject), change
    at: datetime
    account: str
    reason: str = ""
    banned_by: str = ""
    detail: str | None = None  # change: the values before, as JSON
    purge: int | None = None  # id of the row that was written to the outbox with it; None: there was none
    lifted_by: str | None = None  # of a ban that was lifted by then, as ``lift_reason``
    lift_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """The time for which an image belonged to one owner."""

    owner: str
    since: datetime | None = None  # None: before the log began
    until: datetime | None = None  # None: to this day
    account: str | None = None  # the database account that ended it
    became: str | None = None  # the next owner, or that the image was deleted, as the log words it


@dataclass(frozen=True, slots=True)
class Erasure:
    """The destruction of the bytes of a banned original and its renditions, by `origin erase`."""

    begun_at: datetime | None
    done_at: datetime | None = None  # None: it was not completed
    erased: int = 0  # number of files
    kept: int = 0  # number of files that were not erased: shared, replaced or not found
    account: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BanRecord:
    """A ban with its log entries and purges, also one whose row was deleted."""

    id: int
    scope: Scope
    subject: str
    reason: str = ""
    banned_by: str = ""
    banned_at: datetime | None = None  # as moderation wrote it; None: its row was deleted
    lifted_at: datetime | None = None  # as moderation wrote it, as ``lifted_by`` and ``lift_reason``
    lifted_by: str | None = None
    lift_reason: str | None = None
    name: str | None = None  # the hash by which the content was banned, where it is not the subject
    stands: bool = False
    left: Ownership | None = None  # set when the image no longer belongs to the banned owner: its last time there
    events: tuple[LogEntry, ...] = ()
    purges: tuple[Purge, ...] = ()
    erasure: Erasure | None = None

    @property
    def logged(self) -> LogEntry | None:
        """The log entry of its beginning, with the account that wrote it. None: the ban is older than the log.

        A ban from before the log may have been lifted and stand again since: then a purge precedes its first entry.
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
        """The time at which it began: from the log, else from its purge, else as moderation wrote it."""
        if self.logged:
            return self.logged.at
        written = [purge.written_at for purge in self._purged("ban")]
        others = [event.at for event in self.events] + [purge.written_at for purge in self.purges]
        return (written or ([self.banned_at] if self.banned_at else others))[0]

    @property
    def ended(self) -> datetime | None:
        """The time at which it was lifted or deleted, from the same sources in the same order. None: it stands."""
        if self.stands:
            return None
        ends = [event.at for event in self.events if event.action in ("lift", "unban")]
        ends = ends or [purge.written_at for purge in self._purged("lift", "unban")]
        return ends[-1] if ends else self.lifted_at

    @property
    def last_banned(self) -> LogEntry | None:
        """The log entry of the last time that it began to stand. None: that was before the log."""
        return next((event for event in reversed(self.events) if event.action == "ban"), None)

    @property
    def ending(self) -> LogEntry | None:
        """The log entry of its lift or deletion. None: it stands, or ended before the log."""
        last = next((event for event in reversed(self.events) if event.action != "change"), None)
        return last if last and last.action != "ban" and not self.stands else None

    @property
    def purge(self) -> Purge | None:
        """The purge of the last time that it began to stand. None: none was written, or it was pruned."""
        bans = self._purged("ban")
        if (last := self.last_banned) is None:
            return bans[-1] if bans else None
        return next((purge for purge in bans if purge.id == last.purge), None)

    @property
    def hides(self) -> bool:
        """Whether it hides the subject of the report now."""
        return self.stands and self.left is None

    def _purged(self, *causes: str) -> list[Purge]:
        return [purge for purge in self.purges if purge.cause in causes]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptsReport:
    """The receipts of one code, one owner or one digest."""

    code: str | None = None
    owner: str | None = None  # the owner that was asked for, or the one that the image has now
    digest: str | None = None  # the digest that was asked for, or that of the original that the image has now
    ownerships: tuple[Ownership, ...] = ()
    bans: tuple[BanRecord, ...] = ()
    resends: tuple[Purge, ...] = ()
    edges: tuple[KnownEdge, ...] = ()
    pruned_until: datetime | None = None  # purges numbered before this were pruned, with their receipts
    # For bans without a purge: when each edge acknowledged its first flush after them, by id of the ban and edge.
    flushes: Mapping[tuple[int, str], datetime] = field(default_factory=dict)
    triggers: Triggers | None = None  # that write purges of bans, as they are now

    @property
    def enabled(self) -> list[KnownEdge]:
        """The enabled edges: the ones at which a ban has to be proven."""
        return [edge for edge in self.edges if edge.enabled]

    @property
    def one_varnishd(self) -> list[str]:
        """Enabled edges whose purge URLs lead to one varnishd: whatever else these names mean hears of nothing."""
        names = defaultdict[str | None, list[str]](list)
        for edge in self.enabled:
            names[edge.instance].append(edge.name)
        return [name for instance, same in names.items() if instance and len(same) > 1 for name in same]
