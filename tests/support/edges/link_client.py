"""Sends one request at a time over the link of the purger's loop."""

import asyncio

from purger.edge.answer import EdgeAnswer
from purger.edge.link import EdgeLink
from purger.edge.purge_request import HEARTBEAT, Request, heartbeat
from purger.model import Edge, Position


class LinkClient:
    """A link and a loop that runs for each request."""

    def __init__(self, edge: Edge, *, connect_timeout: float, read_timeout: float) -> None:
        self._runner = asyncio.Runner()
        self._runner.get_loop()
        self._link = EdgeLink(edge, connect_timeout=connect_timeout, read_timeout=read_timeout)

    @property
    def is_renewed(self) -> bool:
        """Whether the last heartbeat went over a new connection."""
        return self._link.not_renewed is None

    def ask(self) -> EdgeAnswer:
        """Ask for instance, clock and mode."""
        return self.send(HEARTBEAT, None)

    def send(self, request: Request, instance: str | None) -> EdgeAnswer:
        """Send a request, and wait for its answer."""

        async def exchange() -> EdgeAnswer:
            return await self._link.answer(request, await self._link.start(request, instance))

        return self._runner.run(exchange())

    def renew(self, instance: str, epoch: str, position: Position, *, within: float) -> EdgeAnswer:
        """Send a heartbeat over a new connection."""
        return self._runner.run(self._link.send_anew(heartbeat(epoch, position), instance, within))

    def close(self) -> None:
        """Close the connection, and the loop."""
        self._link.close()
        self._runner.close()
