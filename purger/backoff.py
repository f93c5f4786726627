"""Computes the wait before another try after a failure: it grows up to a bound, and is random in part."""

import random


def wait_after(failures: int, first: float, longest: float) -> float:
    """Return the seconds to wait after so many failures in succession: doubled each time, then cut by up to half."""
    wait = min(longest, first * 2.0 ** min(failures - 1, 30))
    return wait * random.SystemRandom().uniform(0.5, 1.0)


class Backoff:
    """The waits before the next tries, in seconds."""

    def __init__(self, first: float, longest: float) -> None:
        """Begin with ``first`` seconds; no wait is longer than ``longest`` seconds."""
        self._first = first
        self._longest = longest
        self._tries = 0

    def reset(self) -> None:
        """Note a try that went well: the next wait is the first again."""
        self._tries = 0

    def next(self) -> float:
        """Return the seconds to wait after one more failure."""
        self._tries += 1
        return wait_after(self._tries, self._first, self._longest)
