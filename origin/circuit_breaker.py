"""Makes requests fail at once while the database does not answer, instead of queueing up behind it."""

import threading
import time
from collections.abc import Callable


class CircuitBreaker:
    """A circuit breaker. It opens when a call took too long; ``pause`` seconds later one caller may try again."""

    def __init__(self, pause: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause = pause
        self._clock = clock
        self._lock = threading.Lock()
        self._closed_again_at: float | None = None

    def allows(self) -> bool:
        """Tell whether the caller may call now. If so, it has to report the result by one of the methods below."""
        if self._closed_again_at is None:
            return True
        with self._lock:
            if self._closed_again_at is None:
                return True
            now = self._clock()
            if now < self._closed_again_at:
                return False
            # This caller tries. If it never reports, the next one may try a pause later.
            self._closed_again_at = now + self._pause
            return True

    def succeeded(self) -> None:
        """Close the breaker: the service answers."""
        if self._closed_again_at is not None:
            with self._lock:
                self._closed_again_at = None

    def timed_out(self) -> None:
        """Open the breaker for another ``pause`` seconds."""
        with self._lock:
            self._closed_again_at = self._clock() + self._pause
