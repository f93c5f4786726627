"""Runs ``origin ingest``: one process that listens until SIGTERM or SIGINT."""

import logging
from collections.abc import Callable
from typing import Any

import mysql.connector

from origin.importing.decoder_process import Decoders
from origin.importing.picture_intake import Intake
from origin.ingest.app import IngestApp
from origin.ingest.settings import IngestSettings
from origin.ingest.tokens import Tokens
from origin.ingest.uploads import TIMEOUT, CataloguePool, Uploads
from origin.stores.backends import make_ready
from origin.stores.store import open_store
from takedown_base.http.gateway import Gateway
from takedown_base.http.server import HttpServer, run_server
from takedown_base.listen_address import Address
from takedown_base.signals import STOP_SIGNALS, SignalQueue
from takedown_db.connection.connect import connect
from takedown_db.connection.errors import explain

log = logging.getLogger(__name__)


class CannotIngestError(Exception):
    """The listener cannot start. The message says why."""


class _UploadGateway(Gateway):
    """Ends a connection whose body was not read."""

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[..., Any]:
        # cheroot would read the rest of the body into memory.
        if getattr(self.req.rfile, "remaining", 0):
            self.req.close_connection = True
        answer: Callable[..., Any] = super().start_response(status, headers, exc_info)
        return answer


class _UploadServer(HttpServer):
    #: The application compares the length with its own limit, and answers in JSON.
    max_request_body_size = 0

    def __init__(self, app: Callable[..., Any], address: Address, settings: IngestSettings) -> None:
        super().__init__(app, address, settings, share_port=False)
        self.gateway = _UploadGateway


def listen(settings: IngestSettings) -> None:
    """Listen until SIGTERM or SIGINT; then finish the present uploads.

    Raises ``CannotIngestError``; ``UnusableTokenError``; ``UnusableStoreError``, ``StoreAwayError`` and ``OSError`` for
    the store; and ``UnusableUrlError`` for the database URL.
    """
    signals = SignalQueue(STOP_SIGNALS)
    tokens = Tokens(settings.token_file)
    make_ready(settings.store)
    _try_database(settings.database_url)
    with Decoders(settings.rules, settings.decoders) as decoders:
        intake = Intake(open_store(settings.store), settings.rules, decoders)
        uploads = Uploads(CataloguePool(settings.database_url), intake, settings.rules)
        app = IngestApp(uploads, tokens, max_bytes=settings.rules.max_bytes, body_time=settings.body_time)
        server = _UploadServer(app, settings.listen, settings)
        try:
            server.prepare()
        except OSError as error:
            raise CannotIngestError(f"cannot listen on {settings.listen}: {error.strerror or error}") from None
        log.info("listening on http://%s", Address(*server.bind_addr[:2]))
        run_server(server, signals, settings.drain)


def _try_database(url: str) -> None:
    """Connect once, to log at start an error that each upload would meet. Goes on, since it may end."""
    try:
        connect(url, timeout=TIMEOUT).close()
    except mysql.connector.Error as error:
        log.error("the database is unavailable, uploads are answered 503 until it is: %s", explain(error))
