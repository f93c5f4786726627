"""Asks an edge who it is, and its public URL whether this edge answers there: for commands, status and probes.

The first question goes over the link that deliveries use, once.
"""

import asyncio
import http.client
from typing import NamedTuple

from purger.edge.answer import EdgeAnswer
from purger.edge.connection import HttpConnection
from purger.edge.credentials import TlsFiles
from purger.edge.instance_proof import HEADER, InstanceProof
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


def leads_elsewhere(edge: Edge, proof: InstanceProof, *, connect_timeout: float, read_timeout: float) -> bool:
    """Return True if another server than the instance of ``proof`` answers at the public URL of an edge.

    Without an answer, which says nothing, it returns False. Times in seconds; ``read_timeout`` is for the whole answer.
    """
    files = TlsFiles(edge.ca_file, and_system=True)
    connection = HttpConnection(edge.public_url, files, connect_timeout=connect_timeout, read_timeout=read_timeout)
    question = proof.question()
    try:
        connection.connect()
        reply = connection.request("GET", "/", {"User-Agent": "edge-takedown-purger", HEADER: question})
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
    return reply.headers.get(HEADER.lower()) != proof.answer(question)
