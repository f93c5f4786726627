"""Tells a varnishd that was restarted from several that answer at one address in turn."""

from dataclasses import dataclass, field

#: Seconds within which an instance that comes back tells of several. A restart never brings one back; a service address
#: that moved to a standby and back again does, later.
_WINDOW = 120.0

#: Seconds without such a return after which the address is believed again.
_QUIET = 60.0

#: Questions over connections of their own, all answered by one instance, before an edge is trusted at all.
QUESTIONS = 8


@dataclass(slots=True)
class Instances:
    """The instances that answered at one address. Times are seconds of the monotonic clock.

    ``pending`` counts the questions over new connections that are still to be put before the address is believed.
    """

    pending: int = QUESTIONS
    _current: str | None = None
    _left: dict[str, float] = field(default_factory=dict)  # when each former one was last current
    _returned: tuple[str, str, float] | None = None

    def answered(self, instance: str, *, at: float, fresh: bool) -> None:
        """Note who answered at ``at``; ``fresh``: over a connection that was made for this question."""
        if instance != self._current:
            if self._current is not None:
                self._left[self._current] = at
                self.pending = QUESTIONS
                if at - self._left.get(instance, -_WINDOW) < _WINDOW:
                    self._returned = (self._current, instance, at)
                self._left = {name: left for name, left in self._left.items() if at - left < _WINDOW}
            self._current = instance
        elif fresh:
            self.pending = max(0, self.pending - 1)

    def several(self, now: float) -> tuple[str, str] | None:
        """Name two that answer in turn; None where one alone does, as far as is known."""
        if self._returned is None or now - self._returned[2] >= _QUIET:
            return None
        return self._returned[:2]
