"""Wait for a condition, never for a time."""

import time
from collections.abc import Callable, Sized
from typing import TypeVar

_Seen = TypeVar("_Seen")

#: Seconds after which a wait fails. A wait that succeeds ends at once, so a long bound only helps a busy machine.
PATIENCE = 60.0

#: Longest pause in seconds between two evaluations. They cost processor time, which the servers need.
_LONGEST_PAUSE = 0.05


def wait_until(condition: Callable[[], _Seen | None], what: str, seconds: float = PATIENCE) -> _Seen:
    """Evaluate a condition until its value is neither None, nor False, nor an empty collection, and return the value.

    Raises ``TimeoutError`` after so many seconds, with ``what`` was awaited and the last value.
    """
    deadline = time.monotonic() + seconds
    pause = 0.005
    while (seen := condition()) is None or seen is False or (isinstance(seen, Sized) and not seen):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}; last value: {seen!r}")
        time.sleep(pause)
        pause = min(1.2 * pause, _LONGEST_PAUSE)
    return seen
