"""Record reads, changes and faults of a campaign. All times are seconds of one monotonic clock."""

import math
import threading
import time
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

State = int  # BANNED, or the number of the version whose bytes are served
BANNED: Final[State] = 0

clock = time.monotonic


class Other(Enum):
    """An answer that shows no state of an image."""

    REFUSED = "refused"  # 5xx: the edge or the origin shows nothing that it could not check
    FAILED = "failed"  # no answer, or an incomplete one
    FOREIGN = "foreign"  # bytes that are neither this image's nor the special image's


@dataclass(frozen=True, slots=True)
class Read:
    """One request of a client. ``saw`` comes from the body's SHA-256, never from status or headers."""

    edge: str
    code: str
    path: str  # code and rendition, and the condition if there was one
    sent: float  # just before it was sent
    answered: float  # after the last byte
    saw: State | Other
    status: int | None = None  # for readers of the report


@dataclass(slots=True, eq=False)
class Change:
    """A committed transaction that put an image into a state.

    It took effect between ``sent``, when its last statement was sent, and ``returned``, when its moderator learned
    of it. ``returned`` is infinite until then.
    """

    state: State
    sent: float
    returned: float = math.inf


@dataclass(frozen=True, slots=True)
class Window:
    """A time in which something was broken, until every edge was trusted again and nothing was pending."""

    fault: str
    start: float
    end: float
    bound: float  # seconds after a commit that the old state may still be read, when the commit met this window
    edges: frozenset[str] | None = None  # whom the fault touches; None: all
    revives: bool = False  # what was gone may come back meanwhile

    def touches(self, edge: str) -> bool:
        """Tell whether the fault may affect an edge."""
        return self.edges is None or edge in self.edges


@dataclass(frozen=True, slots=True)
class Stall:
    """A time in which the machine did not run this process, and so probably no other one."""

    start: float
    end: float


@dataclass
class History:
    """All reads, changes, faults and stalls of one campaign, written by many threads."""

    changes: dict[str, list[Change]] = field(default_factory=dict)  # by code, in the order of their commits
    windows: list[Window] = field(default_factory=list)
    stalls: list[Stall] = field(default_factory=list)
    dates_count_from: float = -math.inf  # reads from before may have a date that the database has lost
    _reads: list[Read] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add_read(self, read: Read) -> None:
        """Record a read."""
        with self._lock:
            self._reads.append(read)

    def take_reads(self) -> list[Read]:
        """Return the reads recorded since the last call."""
        with self._lock:
            reads, self._reads = self._reads, []
        return reads

    def begin(self, states: dict[str, State], sent: float | None = None) -> dict[str, Change]:
        """Record a transaction before it is sent. ``states`` holds the new state of each code."""
        sent = clock() if sent is None else sent
        begun = {code: Change(state, sent) for code, state in states.items()}
        with self._lock:
            for code, change in begun.items():
                self.changes.setdefault(code, []).append(change)
        return begun

    def finish(self, begun: dict[str, Change], committed: bool) -> None:
        """Record whether a transaction was committed, once that is known."""
        now = clock()
        with self._lock:
            for code, change in begun.items():
                if committed:
                    change.returned = now
                else:
                    self.changes[code].remove(change)

    def copy_changes(self) -> dict[str, list[Change]]:
        """Copy the changes by code, in the order of their commits."""
        with self._lock:
            return {code: list(changes) for code, changes in self.changes.items()}
