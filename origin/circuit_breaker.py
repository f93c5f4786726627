"""A circuit breaker: while the database does not answer, requests fail at once instead of queueing up behind it."""

import threading
import time
from collections.abc import Callable


class CircuitBreaker:
    """Opens when a call took too long; after ``pause`` seconds one caller tries again while the others still fail."""

    def __init__(self, pause: float, clock: Callable[[], float] = time.monotonic):
        self._pause = pause
        self._clock = clock
        self._lock = threading.Lock()
        self._closed_again_at: float | None = None

    def allows(self) -> bool:
        """Tell whether a call may be made now. Whoever is allowed has to report how it went."""
        if self._closed_again_at is None:
            return True
        with self._lock:
            if self._closed_again_at is None:
                return True
            now = self._clock()
            if now < self._closed_again_at:
                return False
            # This caller is the one that tries. Were it never to report, the next would try a pause later.
            self._closed_again_at = now + self._pause
            return True

    def succeeded(self) -> None:
        """Close: the service answers."""
        if self._closed_again_at is not None:
            with self._lock:
                self._closed_again_at = None

    def timed_out(self) -> None:
        """Open, or stay open for another pause."""
        with self._lock:
            self._closed_again_at = self._clock() + self._pause
