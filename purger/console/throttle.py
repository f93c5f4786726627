"""Limits how often passwords may be tried: in all, and for each name. Pure but for a lock; times are given."""

import threading
from collections import OrderedDict
from dataclasses import dataclass

#: Tries at once, and seconds for each further one: for one name, and for all together.
_OF_A_NAME = (5, 20.0)
_OF_ALL = (20, 3.0)

#: Most names that are remembered. The tries for all hold, whatever names are made up.
_NAMES = 1000


@dataclass(slots=True)
class _Bucket:
    """Tries that are left at a moment, and how they come back."""

    most: int
    seconds: float
    left: float
    at: float

    def fill(self, now: float) -> None:
        self.left = min(self.most, self.left + max(0.0, now - self.at) / self.seconds)
        self.at = now

    @property
    def wait(self) -> float:
        """The seconds until one try is left."""
        return max(0.0, 1 - self.left) * self.seconds


class Throttle:
    """The tries of all users; for several threads. ``now`` is a moment of the monotonic clock, in seconds."""

    def __init__(self, of_a_name: tuple[int, float] = _OF_A_NAME, of_all: tuple[int, float] = _OF_ALL) -> None:
        """Take the numbers of tries at once, with the seconds after which one more is allowed."""
        self._of_a_name = of_a_name
        self._all = _Bucket(*of_all, left=of_all[0], at=0.0)
        self._names: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: str, now: float) -> float:
        """Take one try for a name. Returns 0, or the seconds to wait where none is left: then none is taken."""
        with self._lock:
            bucket = self._names.setdefault(name, _Bucket(*self._of_a_name, left=self._of_a_name[0], at=now))
            self._names.move_to_end(name)
            while len(self._names) > _NAMES:
                self._names.popitem(last=False)
            for each in (self._all, bucket):
                each.fill(now)
            wait = max(self._all.wait, bucket.wait)
            if not wait:
                self._all.left -= 1
                bucket.left -= 1
            return wait

    def succeeded(self, name: str) -> None:
        """Give back the try of a name whose password was right."""
        with self._lock:
            if self._names.pop(name, None):
                self._all.left += 1
