"""Distinguishes a varnishd that was restarted from several that answer at one address in turn. Pure."""

from dataclasses import dataclass, field
from typing import NamedTuple

#: Seconds within which the return of an instance is a sign of several. A restart never brings an instance back; a
#: service address that moves to a standby and back again does, later.
_WINDOW = 120.0

#: Seconds without such a return after which the address is trusted again.
_QUIET = 60.0

#: Requests over connections of their own, all answered by one instance, before an edge is trusted at all.
QUESTIONS = 8


class _Return(NamedTuple):
    """The return of an instance to the address that another one had taken, at a moment of the monotonic clock."""

    left: str
    returned: str
    at: float


@dataclass(slots=True)
class Instances:
    """The instances that answered at one address. Times are seconds of the monotonic clock.

    ``pending`` counts the requests over new connections that have yet to be made before the address is trusted.
    """

    pending: int = QUESTIONS
    _current: str | None = None
    _left: dict[str, float] = field(default_factory=dict)  # when each former one was last current
    _returned: _Return | None = None

    def answered(self, instance: str, *, at: float, fresh: bool) -> None:
        """Note the instance that answered at ``at``; ``fresh``: over a connection that was made for this request."""
        if instance != self._current:
            if self._current is not None:
                self._left[self._current] = at
                self.pending = QUESTIONS
                if at - self._left.get(instance, -_WINDOW) < _WINDOW:
                    self._returned = _Return(self._current, instance, at)
                self._left = {name: left for name, left in self._left.items() if at - left < _WINDOW}
            self._current = instance
        elif fresh:
            self.pending = max(0, self.pending - 1)

    def moved(self) -> None:
        """Forget who answered before, and ask anew: requests go to another address from now on."""
        self.pending = QUESTIONS
        self._current = self._returned = None
        self._left.clear()

    def several(self, now: float) -> tuple[str, str] | None:
        """Return two instances that answer in turn; None if only one is known to answer."""
        if self._returned is None or now - self._returned.at >= _QUIET:
            return None
        return self._returned.left, self._returned.returned
