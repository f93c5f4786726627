"""Asks an edge who it is, for commands and probes: once, over the link that deliveries use."""

import asyncio
from typing import NamedTuple

from purger.edge.answer import EdgeAnswer
from purger.edge.instance_proof import InstanceProof
from purger.edge.link import EdgeLink
from purger.edge.purge_request import HEARTBEAT
from purger.model import Edge


class Asked(NamedTuple):
    """The answer of an edge, and what proves that an answer of the public listener is one of the same instance."""

    answer: EdgeAnswer
    proof: InstanceProof


def ask_edge(edge: Edge, *, connect_timeout: float, read_timeout: float) -> Asked:
    """Ask an edge for instance, clock and mode. Times in seconds, as of ``EdgeLink``. Raises ``DeliveryError``."""

    async def ask() -> Asked:
        link = EdgeLink(edge, connect_timeout=connect_timeout, read_timeout=read_timeout)
        try:
            answer = await link.answer(HEARTBEAT, await link.start(HEARTBEAT, None))
            return Asked(answer, link.proof(answer.instance))
        finally:
            link.close()

    return asyncio.run(ask())
