"""Asks the public URL of an edge whether this edge answers there."""

import http.client

from purger.edge.connection import HttpConnection
from purger.edge.credentials import TlsFiles
from purger.edge.instance_proof import HEADER, InstanceProof
from purger.model import Edge


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
