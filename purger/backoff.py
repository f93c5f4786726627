"""Waits between tries: growing, bounded, and not the same for every edge."""

import random


class Backoff:
    """The waits before the next tries, in seconds."""

    def __init__(self, first: float, longest: float) -> None:
        self._first = first
        self._longest = longest
        self._tries = 0

    def reset(self) -> None:
        """A try went well."""
        self._tries = 0

    def next(self) -> float:
        """The wait after one more failure: doubled each time, and up to half of it taken off by chance."""
        wait = min(self._longest, self._first * 2.0 ** min(self._tries, 30))
        self._tries += 1
        return wait * random.SystemRandom().uniform(0.5, 1.0)
