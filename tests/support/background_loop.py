"""Repeat a call in a thread while a test does something else."""

import threading
from collections.abc import Callable
from typing import Self

from stack.processes.waiting import PATIENCE, wait_until


class BackgroundLoop(threading.Thread):
    """A thread that repeats a call. ``done`` counts the calls, ``failed`` holds their errors as texts."""

    def __init__(self, once: Callable[[], None], pause: float = 0.01) -> None:
        """Take the call, and the seconds between two, which leave processor time to the test."""
        super().__init__(daemon=True)
        self._pause = pause
        self._once = once
        self._halt = threading.Event()
        self.done = 0
        self.failed: list[str] = []

    def __enter__(self) -> Self:
        self.start()
        self.wait_more()
        return self

    def __exit__(self, *_: object) -> None:
        if not self.failed:
            self.wait_more()
        self._halt.set()
        self.join(PATIENCE)

    def wait_more(self) -> None:
        """Wait for three more calls, or for an error."""
        before = self.done
        wait_until(lambda: self.failed or self.done >= before + 3, "three more calls")

    def run(self) -> None:
        while not self._halt.is_set() and len(self.failed) < 10:
            try:
                self._once()
            except Exception as error:
                self.failed.append(repr(error))
            self.done += 1
            self._halt.wait(self._pause)
