"""Wait for a condition, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

_Seen = TypeVar("_Seen")

#: Seconds after which a wait fails. A wait that succeeds ends at once, so a long bound only helps a busy machine.
PATIENCE = 60.0


def wait_until(condition: Callable[[], _Seen | None], what: str, seconds: float = PATIENCE) -> _Seen:
    """Evaluate a condition until its value is neither None nor False, and return the value.

    Raises ``TimeoutError`` after so many seconds, with ``what`` was awaited and the last value.
    """
    deadline = time.monotonic() + seconds
    while (seen := condition()) is None or seen is False:
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}; last value: {seen!r}")
        time.sleep(0.005)
    return seen
