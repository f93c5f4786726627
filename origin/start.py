"""Runs ``origin serve``: checks what would keep it from serving, and starts one process or a supervisor of several.

``_serve_in_process`` is what each of these processes does, from its start until its responses have ended.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import mysql.connector

from origin.answering.answers import Answers
from origin.answering.app import App
from origin.answering.lookup import TIMEOUT, Lookup
from origin.answering.site_verdicts import SiteVerdicts
from origin.answering.special_image import SpecialImage, read_special_image
from origin.metrics_counters import Counters
from origin.settings import ServeSettings
from origin.stores.backends import UnusableStoreError, require_usable
from origin.stores.contract import DamagedFileError, StoreAwayError
from origin.stores.store import open_store
from origin.supervisor import CannotServeError, Supervisor
from origin.verdict.rules import Rule, UnusableRulesError, read_rules
from origin.verdict.sites import FirstSight, Site, read_sites
from takedown_base.http.access_log import AccessLog, make_watch
from takedown_base.http.server import HttpServer, reserve_port, run_server
from takedown_base.listen_address import Address
from takedown_base.printable import printable
from takedown_base.signals import STOP_SIGNALS, SignalQueue
from takedown_db.connection.connect import connect
from takedown_db.connection.errors import explain
from takedown_db.connection.url import UnusableUrlError

log = logging.getLogger(__name__)


class _SiteRules(NamedTuple):
    """The rules and the sites of a file of rules; both empty without one."""

    rules: Sequence[Rule]
    sites: Sequence[Site]


def serve(settings: ServeSettings) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code.

    Raises ``CannotServeError`` and ``UnusableSpecialImageError``.
    """
    special = read_special_image(settings.special_image)
    rules = _rules(settings)
    _require_stores(settings)
    _try_database(settings.database_url, replica=settings.replica)
    several = settings.workers > 1 or settings.metrics is not None
    with _listening(settings.listen):
        reserved = reserve_port(settings.listen, share=several)
    with reserved:
        address = Address(*reserved.getsockname()[:2])
        work = partial(_serve_in_process, settings, special, rules, address, _access_log(settings.access_log))
        announce = partial(log.info, "listening on http://%s", address)
        if settings.metrics is not None:
            with _listening(settings.metrics):
                monitoring = reserve_port(settings.metrics, share=True)
            with monitoring:
                shown = Address(*monitoring.getsockname()[:2])
                log.info("metrics are on http://%s/metrics", shown)
                return Supervisor(settings, work, monitoring).run(announce)
        if several:
            return Supervisor(settings, work, None).run(announce)
    # Nobody supervises it, so that whoever started it may end: it stops when it is told to.
    work(None, announce, share_port=False)
    return 0


def _serve_in_process(
    settings: ServeSettings,
    special: SpecialImage,
    rules: _SiteRules,
    address: Address,
    access_log: AccessLog | None,
    parent: int | None,
    ready: Callable[[], object],
    counters: Counters | None = None,
    *,
    share_port: bool = True,
) -> None:
    """Serve until SIGTERM or SIGINT, or until a process ``parent`` has ended; then finish the present responses.

    Calls ``ready`` once it listens. A second signal cuts off the responses that are still being sent. Raises
    ``CannotServeError``.
    """
    signals = SignalQueue(STOP_SIGNALS)
    answers = Answers(settings.lifetimes, settings.banned_status, special)
    try:
        store = open_store(settings.store, settings.in_place)
    except UnusableStoreError as error:
        raise CannotServeError(str(error)) from None
    lookup = Lookup(settings.database_url, replica=settings.replica)
    verdicts = SiteVerdicts(lookup, answers, *rules, threads=settings.threads) if rules.rules else None
    app = App(lookup, answers, store, special, settings.headers, verdicts=verdicts, counters=counters)
    watch = make_watch(counters.answered if counters else None, access_log)
    expected = (DamagedFileError, StoreAwayError)
    server = HttpServer(app, address, settings, share_port=share_port, watch=watch, expected_errors=expected)
    with _listening(address):
        server.prepare()
    ready()
    # A process whose parent was killed would keep its share of the port, and nobody would end it.
    run_server(server, signals, settings.drain, parent=parent)


@contextmanager
def _listening(address: Address) -> Iterator[None]:
    """Turn an ``OSError`` of opening a port into a ``CannotServeError``."""
    try:
        yield
    except OSError as error:
        raise CannotServeError(f"cannot listen on {address}: {error.strerror or error}") from None


def _access_log(path: str | None) -> AccessLog | None:
    try:
        return None if path is None else AccessLog(path)
    except OSError as error:
        raise CannotServeError(f"--access-log: {printable(path)}: {error.strerror or error}") from None


def _rules(settings: ServeSettings) -> "_SiteRules":
    """Read the file of rules. Raises ``CannotServeError``."""
    file = settings.rules
    if file is None:
        return _SiteRules((), ())
    try:
        rules = _SiteRules(read_rules(file), read_sites(file))
    except UnusableRulesError as error:
        raise CannotServeError(str(error)) from None
    if settings.replica and any(site.first_sight is not FirstSight.NEVER for site in rules.sites):
        raise CannotServeError(
            f"{printable(file)}: what is read of a site's server is recorded, and --replica records nothing: leave it"
            ' out, or write first_sight = "never"'
        )
    return rules


def _require_stores(settings: ServeSettings) -> None:
    """Raise ``CannotServeError`` where a store cannot be used."""
    try:
        require_usable(settings.store, settings.in_place)
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
