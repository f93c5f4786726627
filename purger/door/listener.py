"""Runs ``purger door``, with all its routes: one process that listens until SIGTERM or SIGINT."""

import json
import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from http import HTTPStatus
from importlib.resources import files
from typing import Any

import mysql.connector

from purger.door.answers import PROBLEM_TYPE, Answer, problem
from purger.door.app import DoorApp, Request, Route
from purger.door.clients import Clients
from purger.door.connections import Connections
from purger.door.settings import DoorSettings
from purger.door.takedowns import Takedowns
from purger.door.tally import Tally
from takedown_base.http.server import HttpServer, reserve_port, run_server
from takedown_base.http.status_listener import StatusListener, health_page
from takedown_base.listen_address import Address
from takedown_base.signals import STOP_SIGNALS, SignalQueue
from takedown_db.connection.connect import connect
from takedown_db.connection.errors import explain

log = logging.getLogger(__name__)


class CannotListenError(Exception):
    """The door cannot listen. The message says why."""


class DoorServer(HttpServer):
    """The door's server: what it refuses before a request reaches the application is problem details, too."""

    def __init__(self, app: Callable[..., Any], settings: DoorSettings) -> None:
        super().__init__(app, settings.bind, settings, share_port=False)

    def refusal(self, status: str, text: str) -> tuple[str, bytes]:
        """Make the media type and the body of a refusal."""
        number = HTTPStatus(int(status[:3]))
        if number is HTTPStatus.REQUEST_TIMEOUT:
            content = problem(HTTPStatus.REQUEST_TIMEOUT, "late-request", text)
        else:
            content = problem(number, "malformed-request", text or status)
        return PROBLEM_TYPE, json.dumps(content).encode() + b"\n"


def _routes(settings: DoorSettings, tally: Tally) -> list[Route]:
    """Return all routes, each method and path once."""
    takedowns = Takedowns(tally, settings.threads // 2)
    return [
        Route("POST", "/takedowns", takedowns.order),
        Route("GET", "/takedowns", takedowns.list),
        Route("GET", "/takedowns/<number>", takedowns.read),
        Route("DELETE", "/takedowns/<number>", takedowns.lift),
        Route("GET", "/openapi.json", _openapi, open=True),
    ]


def _openapi(request: Request) -> Answer:
    """Answer with the description of this interface."""
    request.query()
    return Answer(HTTPStatus.OK, json.loads(files("purger.door").joinpath("openapi.json").read_bytes()))


def listen(settings: DoorSettings, more: Callable[[DoorSettings, Tally], Sequence[Route]] | None = None) -> None:
    """Listen until SIGTERM or SIGINT; then finish the present requests. ``more`` makes further routes.

    Raises ``CannotListenError``, ``UnusableClientsError``, and ``UnusableUrlError`` for the database URL.
    """
    signals = SignalQueue(STOP_SIGNALS)
    clients = Clients(settings.tokens)
    _try_database(settings)
    tally = Tally()
    routes = [*_routes(settings, tally), *(more(settings, tally) if more else ())]
    app = DoorApp(routes, clients, Connections(settings.database_url, settings.database_timeout), tally)
    server = DoorServer(app, settings)
    with ExitStack() as running:
        try:
            server.prepare()
        except OSError as error:
            raise CannotListenError(f"cannot listen on {settings.bind}: {error.strerror or error}") from None
        if settings.metrics is not None:
            _monitor(settings.metrics, tally, running)
        log.info("door on http://%s", Address(*server.bind_addr[:2]))
        run_server(server, signals, settings.drain)


def _monitor(address: Address, tally: Tally, running: ExitStack) -> None:
    from takedown_base.http.metrics_text import metrics_page

    try:
        reserved = running.enter_context(reserve_port(address, share=True))
        pages = {"/metrics": lambda: metrics_page(tally.metrics()), "/healthz": lambda: health_page([])}
        listener = StatusListener(reserved, pages)
        listener.start()
    except OSError as error:
        raise CannotListenError(f"cannot listen on {address}: {error.strerror or error}") from None
    running.callback(listener.stop)
    log.info("metrics on http://%s/metrics", listener.address)


def _try_database(settings: DoorSettings) -> None:
    """Connect once, to log at start an error that each request would meet. Goes on, since it may end."""
    try:
        connect(settings.database_url, timeout=settings.database_timeout).close()
    except mysql.connector.Error as error:
        log.error("the database is unavailable, requests are answered 503 until it is: %s", explain(error))
