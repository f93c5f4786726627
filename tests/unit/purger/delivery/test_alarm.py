"""Wait for an alarm in a loop of asyncio."""

import asyncio

from purger.delivery.alarm import Alarm


def test_it_wakes_who_waits_and_whoever_waits_from_then_on() -> None:
    async def wait() -> None:
        alarm = Alarm()
        waiting = asyncio.create_task(alarm.wait(3600))
        await asyncio.sleep(0)
        assert not waiting.done()
        alarm.ring()
        alarm.ring()
        await waiting
        await alarm.wait(3600)
        alarm.clear()
        await alarm.wait(0.001)

    asyncio.run(asyncio.wait_for(wait(), 60))
