"""Defines the values that the rooms of the purger hand to each other: edges, batches, progress, receipts, probes."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from purger.text_format import counted, duration
from takedown_base.printable import printable
from takedown_db.purger_presence import ALIVE
from takedown_db.schema.triggers import Triggers

#: Longest text in characters that a column for a note or a problem holds.
LONGEST_NOTE = 255

#: Seconds by which an edge's last answer may be later than ``edges.seen_at``: the recorder writes every 2 s.
_UNRECORDED = 3.0

#: Seconds for which an edge in fail-safe mode still shows what it had fetched: the fail-safe TTL of `default.vcl`.
_FAIL_SAFE_TTL = 2.0

#: A position as text.
_POSITION = re.compile(r"(\d{1,15}):([0-9A-Za-z-]{1,64})")


class Row(NamedTuple):
    """A numbered row of the outbox."""

    id: int
    batch: int
    scope: str  # a value of Scope, unless a session has switched the checks off
    subject: str  # a code, an owner's key or a digest
    cause: str  # ban, lift, unban, image, rendition, resend


class Position(NamedTuple):
    """A batch of one database. Another database may have given the same number: after a restore, or as a copy."""

    batch: int
    identity: str

    def __str__(self) -> str:
        return f"{self.batch}:{self.identity}"

    @classmethod
    @lru_cache(maxsize=1000)
    def read(cls, text: str) -> Self | None:
        """Read ``17:6f0c``, the value of a header Takedown-Batch; return None where it is malformed.

        Kept, as all edges name the same few.
        """
        found = _POSITION.fullmatch(text)
        return cls(int(found[1]), found[2]) if found else None


@dataclass(frozen=True, slots=True)
class Edge:
    """The settings of one edge."""

    name: str
    purge_url: str
    public_url: str
    token_file: str
    ca_file: str | None = None  # None: the system's authorities
    certificate_file: str | None = None
    key_file: str | None = None


class SavedProgress(NamedTuple):
    """The recorded progress of one edge. Times are the edge's own clock, in seconds since 1970."""

    instance: str | None
    acknowledged: int
    rebounded: int  # the last batch that had its first rebound,
    rebounded_later: int  # its second rebound,
    rebounded_last: int  # and its last rebound
    triggers: str | None
    epoch: float | None = None  # the last that it is known to have accepted
    flushed_at: float | None = None
    flush_done: int = (
        0  # the last request for a flush that was carried out; only written, as rows read show FlushRequest instead
    )

    @property
    def all_rebounded(self) -> tuple[int, int, int]:
        """The last batch of each rebound, the prompt one first."""
        return self.rebounded, self.rebounded_later, self.rebounded_last


class FlushRequest(NamedTuple):
    """A flush that an operator asked for, and that is not on record as carried out."""

    number: int
    by: str


class Receipt(NamedTuple):
    """One acknowledgement of the batches ``first`` to ``last``."""

    edge: str
    first: int
    last: int
    method: str  # purge or flush
    instance: str
    at: float  # seconds since 1970, the purger's clock


class ProbeNote(StrEnum):
    """A reason why a probe result proves nothing, or less than usual. Receipts are judged by some of them."""

    LIFTED = "the ban was lifted before"
    CHANGED = "what it covers changed before"
    NO_IMAGES = "no images"  # that the ban covers


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The objects that an edge removed (``removed``), or the answers of its public listener afterwards (the others).

    ``note`` says why nothing was proven; it goes when something is. Without ``at`` a ``status`` is that of an answer
    that proved nothing, and ``tried_at`` the time of that probe. ``code`` names the one image of a banned owner or
    digest that was requested; empty: the subject of the ban as a whole, of an owner or digest ``probed`` of its
    ``images``.
    """

    edge: str
    invalidation: int
    removed: int | None = None
    at: float | None = None
    status: int | None = None
    gone: bool | None = None
    note: str | None = None
    code: str = ""
    scope: str = ""  # of the row of the outbox, as is
    subject: str = ""
    probed: int | None = None
    images: int | None = None
    tried_at: float | None = None


def probe_result_of(edge: Edge, row: Row, **fields: Any) -> ProbeResult:
    """Make the result of a probe for a row at an edge; ``fields`` of ``ProbeResult`` are those that no row has."""
    return ProbeResult(edge.name, row.id, scope=row.scope, subject=row.subject, **fields)


@dataclass(frozen=True, slots=True)
class Verification:
    """All rows that were committed when ``ticket`` was drawn are in the batches up to ``head``."""

    ticket: int
    head: int
    triggers: Triggers


class PurgerPresence(NamedTuple):
    """A purger that has signed. Times are UTC by the database's clock; ``age`` is seconds since ``seen_at``."""

    host: str
    pid: int
    version: str
    since: datetime
    seen_at: datetime
    age: float
    id: str = ""
    clock_lead: float | None = None  # seconds by which its own clock was ahead then; negative: behind

    @property
    def alive(self) -> bool:
        """True when it has signed just now."""
        return abs(self.age) <= ALIVE  # a clock that was set back leaves signatures of the future

    @property
    def name(self) -> str:
        """The host and process, fit for a terminal."""
        return f"pid {self.pid} on {printable(self.host)}"


class WebhookState(NamedTuple):
    """A receiver of webhooks, and what waits for it; the columns of the statement ``webhooks``."""

    name: str
    url: str
    secret_file: str
    ca_file: str | None
    link: str | None
    enabled: bool
    added_at: datetime
    failures: int  # failed tries in succession
    problem: str | None  # why the last try failed
    waiting: int  # number of events
    dead: int  # number of events that were given up
    oldest: float  # seconds for which the oldest event waits

    @property
    def host(self) -> str:
        """The scheme and host of the URL: the rest may hold a secret."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True)
class LogBacklog:
    """The batches and entries that wait for their place in the signed log."""

    begun: bool = True
    unsigned: str | None = None  # why nothing can be appended: the log's key has not signed its end
    batches: int = 0
    entries: int = 0  # receipts and probes
    seconds: float = 0.0  # for which the oldest waits

    def text(self) -> str:
        """Return it as the beginning of a sentence."""
        batches = counted(self.batches, "batch", "batches")
        entries = counted(self.entries, "receipt or probe", "receipts and probes")
        return (
            f"{batches} and {entries} wait for their place in the signed log, the oldest for {duration(self.seconds)}"
        )


def trust_ends_by(seen_at: datetime | None, lease: float | None) -> datetime | None:
    """Compute when an edge stops trusting its cache at the latest, if no purger reaches it after ``seen_at``.

    Both times are UTC by the database's clock, ``lease`` is in seconds. A heartbeat confirms a time that the edge named
    in an earlier answer: so even one whose answer was lost renews the lease up to ``seen_at`` and no further. From
    then on people there see no image that is banned. None: never (``lease`` is 0), or nothing is known.
    """
    return seen_at + timedelta(seconds=_UNRECORDED + lease + _FAIL_SAFE_TTL) if seen_at and lease else None
