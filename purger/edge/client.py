"""Sends one request at a time to an edge's purge listener, and returns the acknowledgement or raises an error.

Commands and probers ask an edge by it; deliveries go over ``link.py``.
"""

from pathlib import Path
from urllib.parse import quote

from purger.edge.answer import EdgeAnswer
from purger.edge.connection import HttpConnection
from purger.edge.credentials import TlsFiles, TokenFile
from purger.edge.errors import RefusedError, SlowError
from purger.edge.exchange import EXCHANGE_ERRORS, connect_error, exchange_error, headers_of, token_in
from purger.edge.instance_proof import InstanceProof
from purger.edge.purge_request import HEARTBEAT, Request
from purger.edge.url import shown
from purger.model import Edge


class EdgeClient:
    """A client of one edge's purge listener, with one persistent connection; for one thread.

    Every method raises a ``DeliveryError`` unless the edge acknowledged.
    """

    def __init__(self, edge: Edge, *, connect_timeout: float, read_timeout: float) -> None:
        """Connect at the first request. Times in seconds; ``read_timeout`` is for a whole request with its answer."""
        self._url = shown(edge.purge_url)
        self._token_file = TokenFile(Path(edge.token_file))
        files = TlsFiles(edge.ca_file, edge.certificate_file, edge.key_file)
        self._patience = read_timeout
        self._connection = HttpConnection(
            edge.purge_url, files, connect_timeout=connect_timeout, read_timeout=read_timeout
        )

    def ask(self, instance: str | None = None) -> EdgeAnswer:
        """Ask for instance, clock and mode; with ``instance`` only of that varnishd."""
        return self.send(HEARTBEAT, instance)

    def proof(self, instance: str) -> InstanceProof:
        """Return what proves that an answer of the public listener is one of ``instance``, after it was asked."""
        return InstanceProof(self._token_file.token(), instance)

    def send(self, request: Request, instance: str | None) -> EdgeAnswer:
        """Send ``request``, only to the varnishd ``instance`` if one is named, and read the answer."""
        headers = headers_of(request, instance, token_in(self._token_file))
        # Before anything is sent, so that no server but the intended one gets the token.
        try:
            self._connection.connect()
        except EXCHANGE_ERRORS as error:
            raise connect_error(self._url, error) from None
        try:
            return EdgeAnswer.read(self._connection.request(request.method, quote(request.path), headers))
        except TimeoutError:
            raise SlowError(f"no whole answer to {request.method} within {self._patience:g} s") from None
        except RefusedError:
            self._token_file.refused()
            raise
        except EXCHANGE_ERRORS as error:
            raise exchange_error(self._url, error, awaits_verdict=self._connection.awaits_verdict) from None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
