"""Starts ``origin serve``: checks what would keep it from serving, and runs one process or a supervisor of several."""

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import mysql.connector

from origin.answering.lookup import TIMEOUT
from origin.answering.special_image import read_special_image
from origin.http.access_log import AccessLog
from origin.http.server import reserve_port
from origin.settings import Settings
from origin.stores.backends import UnusableStoreError, require_usable
from origin.supervisor import Supervisor
from origin.worker import Worker
from takedown_base.listen_address import Address
from takedown_base.printable import printable
from takedown_base.status_listener import open_listener
from takedown_db.connection.connect import connect
from takedown_db.connection.errors import explain
from takedown_db.connection.url import UnusableUrlError

log = logging.getLogger(__name__)


class CannotServeError(Exception):
    """The origin cannot start. The message says why and what to do."""


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code.

    Raises ``CannotServeError`` and ``UnusableSpecialImageError``.
    """
    special = read_special_image(settings.special_image)
    _require_stores(settings)
    _try_database(settings.database_url, replica=settings.replica)
    several = settings.workers > 1 or settings.metrics is not None
    with _listening(settings.listen, partial(reserve_port, share=several)) as reserved:
        address = Address(*reserved.getsockname()[:2])
        worker = Worker(settings, special, address, _access_log(settings.access_log))
        announce = partial(log.info, "listening on http://%s", address)
        if settings.metrics is not None:
            with _listening(settings.metrics, open_listener) as monitoring:
                shown = Address(*monitoring.getsockname()[:2])
                log.info("metrics are on http://%s/metrics", shown)
                return Supervisor(settings, worker, monitoring).run(announce)
        if several:
            return Supervisor(settings, worker, None).run(announce)
    try:
        worker.work(parent=os.getppid(), share_port=False, ready=announce)
    except UnusableStoreError as error:
        raise CannotServeError(str(error)) from None
    except OSError as error:
        raise CannotServeError(f"cannot listen on {address}: {error.strerror or error}") from None
    return 0


@contextmanager
def _listening(address: Address, listen: Callable[[Address], socket.socket]) -> Iterator[socket.socket]:
    try:
        opened = listen(address)
    except OSError as error:
        raise CannotServeError(f"cannot listen on {address}: {error.strerror or error}") from None
    with opened:
        yield opened


def _access_log(path: str | None) -> AccessLog | None:
    try:
        return None if path is None else AccessLog(path)
    except OSError as error:
        raise CannotServeError(f"--access-log: {printable(path)}: {error.strerror or error}") from None


def _require_stores(settings: Settings) -> None:
    """Raise ``CannotServeError`` where a store cannot be used."""
    try:
        require_usable(settings.store, "--store")
        if settings.in_place is not None:
            require_usable(settings.in_place, "--in-place")
    except UnusableStoreError as error:
        raise CannotServeError(str(error)) from None


def _try_database(url: str, *, replica: bool) -> None:
    """Connect once, to log at start an error that each request would meet. Goes on, since it may end."""
    try:
        connect(url, timeout=TIMEOUT, replica=replica).close()
    except UnusableUrlError as error:
        raise CannotServeError(str(error)) from None
    except mysql.connector.Error as error:
        log.error("the database is unavailable, images are answered 503 until it is: %s", explain(error))
