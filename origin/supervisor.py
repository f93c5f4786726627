"""Runs ``origin serve``: one process, or several on one port under a parent that replaces those that die."""

import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import mysql.connector

from origin.lookup import TIMEOUT
from origin.settings import Settings
from origin.special_image import SpecialImage, read_special_image
from origin.stores.backends import UnusableStoreError, require_usable
from origin.worker import work
from takedown_db.connect import connect
from takedown_db.errors import explain
from takedown_db.listen_address import Address
from takedown_db.signals import STOP_SIGNALS, SignalQueue
from takedown_db.url import UnusableUrlError

log = logging.getLogger(__name__)

#: Seconds between two starts of a process that keeps dying: at first, and at most.
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0

#: Seconds that a process may take to end after the time that its responses have.
_GRACE = 10.0


class CannotServeError(Exception):
    """The origin cannot start. The message says why and what to do."""


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code.

    Raises ``CannotServeError`` and ``UnusableSpecialImageError``.
    """
    special = read_special_image(settings.special_image)
    _require_stores(settings)
    _try_database(settings.database_url, replica=settings.replica)
    with _reserve(settings.listen, share=settings.workers > 1) as reserved:
        address = Address(*reserved.getsockname()[:2])
        if settings.workers > 1:
            return _Supervisor(settings, special, address).run()
    try:
        ready = partial(_announce, address)
        work(settings, special, address, parent=os.getppid(), share_port=False, ready=ready)
    except UnusableStoreError as error:
        raise CannotServeError(str(error)) from None
    except OSError as error:
        raise CannotServeError(f"cannot listen on {address}: {error.strerror or error}") from None
    return 0


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


def _announce(address: Address) -> None:
    log.info("listening on http://%s", address)


def _reserve(address: Address, *, share: bool) -> socket.socket:
    """Bind the port without listening on it, to find out whether it is free, and to choose one for port 0.

    With ``share`` the workers may bind it as well. The first bind is always without: it fails where another origin
    listens, which would otherwise lose a part of its requests to this one.
    """
    try:
        family, kind, protocol, _, bound = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        for option in (None, socket.SO_REUSEPORT) if share else (None,):
            reserved = socket.socket(family, kind, protocol)
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if option is not None:
                reserved.setsockopt(socket.SOL_SOCKET, option, 1)
            reserved.bind(bound)
            bound = reserved.getsockname()
            if share and option is None:
                reserved.close()
    except OSError as error:
        raise CannotServeError(f"cannot listen on {address}: {error.strerror or error}") from None
    return reserved


@dataclass(slots=True)
class _Slot:
    """A worker process that is to run. Times are in seconds of the monotonic clock."""

    pid: int | None = None
    started: float = 0.0
    pause: float = _FIRST_PAUSE

    def died(self, now: float) -> None:
        """Note an unexpected end. The next start is at ``due``."""
        self.pid = None
        self.pause = _FIRST_PAUSE if now - self.started > _LONGEST_PAUSE else min(2 * self.pause, _LONGEST_PAUSE)

    @property
    def due(self) -> float:
        """The earliest time of the next start."""
        return self.started + self.pause


class _Supervisor:
    """Keeps ``settings.workers`` processes running. The parent serves no request and opens no connection."""

    def __init__(self, settings: Settings, special: SpecialImage, address: Address) -> None:
        self._settings = settings
        self._special = special
        self._address = address
        self._slots = [_Slot() for _ in range(settings.workers)]
        self._signals = SignalQueue(STOP_SIGNALS | {signal.SIGCHLD})

    def run(self) -> int:
        """Run until SIGTERM or SIGINT. Returns the exit code: 1 if a process ended with an error."""
        if not self._start_all():
            log.error("not every process could start")
            self._stop_all()
            return 1
        _announce(self._address)
        while not self._told_to_stop():
            self._replace_dead()
        return 0 if self._stop_all() else 1

    def _start_all(self) -> bool:
        """Start every process and wait until each listens: each then writes one byte into a pipe."""
        reading, writing = os.pipe()

        def ready() -> None:
            os.write(writing, b".")
            os.close(writing)

        for slot in self._slots:
            self._start(slot, ready)
        os.close(writing)
        with os.fdopen(reading, "rb") as listening:  # it ends when each process has written or died
            return len(listening.read()) == len(self._slots)

    def _start(self, slot: _Slot, ready: Callable[[], object]) -> None:
        slot.started = time.monotonic()
        # Read here: a child that reads its parent's id after this process was killed would watch another one.
        parent = os.getpid()
        # Blocked until the child has a queue of its own: an earlier signal would go into a copy of the parent's queue.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        slot.pid = os.fork() or self._become_worker(parent, ready)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def _become_worker(self, parent: int, ready: Callable[[], object]) -> int:
        code = 1
        try:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            work(self._settings, self._special, self._address, parent=parent, share_port=True, ready=ready)
            code = 0
        except OSError as error:
            log.error("cannot listen on %s: %s", self._address, error.strerror or error)
        except UnusableStoreError as error:
            log.error("%s", error)
        except Exception:
            log.exception("a process failed")
        finally:
            sys.stderr.flush()
            os._exit(code)  # without sys.exit's unwinding: that would run the rest of the parent's code

    def _told_to_stop(self) -> bool:
        """Wait for a signal, or until a process is due to start. Tell whether the signal was one to stop."""
        due = min((slot.due for slot in self._slots if slot.pid is None), default=None)
        timeout = 3600.0 if due is None else max(0.0, due - time.monotonic())
        return self._signals.wait(timeout) in STOP_SIGNALS

    def _replace_dead(self) -> None:
        self._reap()
        now = time.monotonic()
        for slot in self._slots:
            if slot.pid is None and slot.due <= now:
                self._start(slot, lambda: None)
                log.info("process %s started", slot.pid)

    def _reap(self) -> bool:
        """Collect the processes that have ended. Tell whether all of them ended with exit code 0."""
        well = True
        while any(slot.pid for slot in self._slots):
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            code = os.waitstatus_to_exitcode(status)
            well = well and code == 0
            for slot in self._slots:
                if slot.pid == pid:
                    slot.died(time.monotonic())
                    log.log(logging.ERROR if code else logging.INFO, "process %d ended with %d", pid, code)
        return well

    def _stop_all(self) -> bool:
        """Stop every process and wait for their end. Tell whether all of them ended with exit code 0."""
        end = time.monotonic() + self._settings.drain + _GRACE
        well, number = True, signal.SIGTERM
        self._signal_all(number)
        while any(slot.pid for slot in self._slots):
            received = self._signals.wait(end - time.monotonic())
            if received is None or received in STOP_SIGNALS:
                # A second signal is passed on: it cuts off the responses that are still being sent.
                self._signal_all(signal.SIGKILL if received is None else signal.SIGTERM)
                end = time.monotonic() + _GRACE
            well = self._reap() and well
        return well

    def _signal_all(self, number: signal.Signals) -> None:
        for slot in self._slots:
            if slot.pid is not None:
                os.kill(slot.pid, number)
