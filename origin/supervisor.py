"""Runs the processes of ``origin serve`` under a parent that replaces those that die."""

import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from origin.metrics_counters import Counters, SharedCounters
from origin.settings import ServeSettings
from origin.stores.backends import UnusableStoreError
from takedown_base.signals import STOP_SIGNALS, SignalQueue

log = logging.getLogger(__name__)

#: Seconds between two starts of a process that keeps dying: at first, and at most.
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0

#: Seconds that a process may take to end after the time that its responses have.
_GRACE = 10.0

#: The work of a process: until a signal ends it, or its parent with this id has ended. It calls the function once it
#: listens. ``ServeWork`` serves images, and counts requests where it gets counters.
_Work = Callable[[int, Callable[[], object]], None]
ServeWork = Callable[[int, Callable[[], object], Counters | None], None]


class CannotServeError(Exception):
    """The origin cannot start. The message says why and what to do."""


@dataclass(slots=True)
class _Slot:
    """A process that is to run. Times are in seconds of the monotonic clock."""

    work: _Work
    note: Callable[[bool], object]  # called with whether it runs, when it starts and when it has ended
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


class Supervisor:
    """Keeps ``settings.workers`` processes running, and one that shows their metrics where these are wanted.

    The parent serves no request, opens no connection and has no thread: it forks.
    """

    def __init__(self, settings: ServeSettings, work: ServeWork, monitoring: socket.socket | None) -> None:
        """Show metrics on the port that the socket ``monitoring`` has reserved; None: count nothing."""
        self._settings = settings
        self._work = work
        self._monitoring = monitoring
        self._counters = None if monitoring is None else SharedCounters(settings.workers, settings.threads)
        self._slots = [self._serving(number) for number in range(settings.workers)]
        if monitoring is not None and self._counters is not None:
            self._slots.append(self._reporting(self._counters, monitoring))
        self._signals = SignalQueue(STOP_SIGNALS | {signal.SIGCHLD})

    def run(self, announce: Callable[[], object]) -> int:
        """Run until SIGTERM or SIGINT. Returns the exit code: 1 if a process ended with an error.

        Calls ``announce`` once all processes listen.
        """
        if not self._start_all():
            log.error("not every process could start")
            self._stop_all()
            return 1
        announce()
        while not self._told_to_stop():
            self._replace_dead()
        return 0 if self._stop_all() else 1

    def _serving(self, number: int) -> _Slot:
        counters = self._counters

        def serve(parent: int, ready: Callable[[], object]) -> None:
            if self._monitoring is not None:
                self._monitoring.close()  # a process that finishes its responses must not keep the port
            counted = None if counters is None else counters.of_worker(number)
            self._work(parent, ready, counted)

        def note(running: bool) -> None:
            if counters is not None:
                counters.runs(number, running=running)

        return _Slot(serve, note)

    def _reporting(self, counters: SharedCounters, monitoring: socket.socket) -> _Slot:
        def show(parent: int, ready: Callable[[], object]) -> None:
            # Here, so that no other process loads the library.
            from origin.monitoring import report

            report(self._settings, counters, monitoring, parent=parent, ready=ready)

        return _Slot(show, lambda _running: None)

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
        slot.pid = os.fork() or self._become(slot, parent, ready)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        slot.note(True)

    def _become(self, slot: _Slot, parent: int, ready: Callable[[], object]) -> int:
        code = 1
        try:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            slot.work(parent, ready)
            code = 0
        except (CannotServeError, UnusableStoreError) as error:
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
        received = self._signals.wait(timeout)
        if received not in STOP_SIGNALS:
            return False
        log.info("stopping: %s came", signal.Signals(received).name)
        return True

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
                    slot.note(False)
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
