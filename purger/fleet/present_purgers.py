"""Judges which purgers are present, and so keep their edges, from repeated reads of ``purgers``. Pure.

For people a purger counts as alive for longer: ``takedown_db/purger_presence.py``.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

#: Seconds since its last signature after which a purger is taken for gone, and no longer follows its edges itself.
CLAIM = 1.5

#: Seconds for which a signature that was seen to follow another one shows that a purger is present, whatever the clocks
#: of the database's servers say.
_SEEN_TO_SIGN = 1.25

#: Seconds after an outage of the database in which the others may sign again before their edges are taken over: a
#: statement that hangs ends after 2 s, and the next try follows half a second later.
_GRACE = 3.0


class Signature(NamedTuple):
    """The last signature of a purger: their count, and the seconds since then by the database's clock."""

    purger: str
    beat: int
    age: float


@dataclass(slots=True)
class _Seen:
    """The last signature seen of a purger, and when it was seen to replace another one."""

    beat: int
    changed: float = float("-inf")


@dataclass(slots=True)
class PresentPurgers:
    """The other purgers, as one of them sees them. All times in seconds of its monotonic clock.

    A signature is young by the database's clock, or it was seen to change: either shows that a purger is present. So
    neither a clock that is set, nor servers of a cluster whose clocks differ, nor an outage moves an edge.
    """

    others: frozenset[str] = frozenset()  # that were present at the last read
    _seen: dict[str, _Seen] = field(default_factory=dict)
    _read: float | None = None
    _grace: float = float("-inf")

    def read(self, signatures: Iterable[Signature], *, at: float) -> float:
        """Judge the signatures of others, read at ``at``; return the seconds in which none of these can turn absent."""
        away = 0.0 if self._read is None else at - self._read
        if away > CLAIM:
            self._grace = at + _GRACE
        self._read = at
        before, self._seen = self._seen, {}
        present, rest = set[str](), CLAIM
        for each in signatures:
            seen = before.get(each.purger) or _Seen(each.beat)
            if seen.beat != each.beat:
                seen = _Seen(each.beat, changed=at)
            self._seen[each.purger] = seen
            until = max(_left(each.age), seen.changed + _SEEN_TO_SIGN - at)
            # Also a purger that first signed just before the outage.
            if each.purger in self.others or each.age < away + CLAIM:
                until = max(until, self._grace - at)
            if until > 0:
                present.add(each.purger)
                rest = min(rest, until)
        self.others = frozenset(present)
        return rest


def _left(age: float) -> float:
    """Return the seconds for which a signature of this age shows that its purger is present."""
    # One from the future comes from another clock and proves nothing.
    return CLAIM - age if abs(age) < CLAIM else 0.0
