"""What clients read, what moderators changed and when something was broken. All times are seconds of one clock."""

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

    REFUSED = "refused"  # 5xx: nothing is shown that could not be checked
    FAILED = "failed"  # no answer, or not the whole of one
    FOREIGN = "foreign"  # bytes that are neither this image's nor the special image's


@dataclass(frozen=True, slots=True)
class Read:
    """One request of a client. What it saw was told from the body's SHA-256, never from status or headers."""

    edge: str
    code: str
    path: str  # what was asked for: the rendition, and whether conditionally
    sent: float  # just before it was sent
    answered: float  # after the last byte
    saw: State | Other
    status: int | None = None  # for people who read the history


@dataclass(slots=True, eq=False)
class Change:
    """A committed transaction that put an image into a state.

    It took effect somewhere between ``sent``, when its last statement was sent, and ``returned``, when its moderator
    knew. ``returned`` is infinite for as long as he does not.
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
        """Whether the fault is allowed to be felt at an edge."""
        return self.edges is None or edge in self.edges


@dataclass(frozen=True, slots=True)
class Stall:
    """A time for which the machine did not let this process run, so that nobody else was to be expected to."""

    start: float
    end: float


@dataclass
class History:
    """Everything of one campaign, written by many threads."""

    changes: dict[str, list[Change]] = field(default_factory=dict)  # by code, in the order of their commits
    windows: list[Window] = field(default_factory=list)
    stalls: list[Stall] = field(default_factory=list)
    _reads: list[Read] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add_read(self, read: Read) -> None:
        """Record a read."""
        with self._lock:
            self._reads.append(read)

    def take_reads(self) -> list[Read]:
        """The reads recorded since the last call."""
        with self._lock:
            reads, self._reads = self._reads, []
        return reads

    def begin(self, states: dict[str, State], sent: float | None = None) -> dict[str, Change]:
        """Record, before it is sent, a transaction that puts each code into its new state."""
        sent = clock() if sent is None else sent
        begun = {code: Change(state, sent) for code, state in states.items()}
        with self._lock:
            for code, change in begun.items():
                self.changes.setdefault(code, []).append(change)
        return begun

    def finish(self, begun: dict[str, Change], committed: bool) -> None:
        """Record that a transaction is known to have been committed, or not to have been."""
        now = clock()
        with self._lock:
            for code, change in begun.items():
                if committed:
                    change.returned = now
                else:
                    self.changes[code].remove(change)

    def copy_changes(self) -> dict[str, list[Change]]:
        """The changes as they are known now."""
        with self._lock:
            return {code: list(changes) for code, changes in self.changes.items()}
