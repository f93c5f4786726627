"""Prints what the check of the containers does, and waits for what it expects."""

import sys
import time
from collections.abc import Callable

#: Seconds for a service to become healthy, or to complete.
PATIENCE = 120.0


def wait_until(holds: Callable[[], bool], what: str, failed: Callable[[], str] = str) -> None:
    """Wait until a condition holds, PATIENCE at most."""
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            sys.exit(f"check: waited {PATIENCE:g} s in vain for {what}\n{failed()}")
        time.sleep(0.5)


def say(line: str) -> None:
    """Print a line of progress."""
    print(f"check: {line}", flush=True)
