"""Waiting for a condition, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

_Seen = TypeVar("_Seen")

# Seconds until a wait is given up. One that succeeds costs nothing; a machine with other work to do must not fail it.
PATIENCE = 60.0


def wait_until(look: Callable[[], _Seen | None], what: str, seconds: float = PATIENCE) -> _Seen:
    """Look again and again until what is seen is neither None nor False, and return it.

    Raises ``TimeoutError`` that says what was awaited and what was seen last.
    """
    deadline = time.monotonic() + seconds
    while (seen := look()) is None or seen is False:
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}; last seen: {seen!r}")
        time.sleep(0.005)
    return seen
