"""Talks to one edge: sends requests, waits after failures, and tracks instance, position and mode by the answers."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from purger.backoff import Backoff
from purger.edge.answer import EdgeAnswer
from purger.edge.client import EdgeClient
from purger.edge.errors import DeliveryError, MalformedError, OtherInstanceError, SeveralInstancesError
from purger.edge.purge_request import BATCH, Request
from purger.edge.tally import Tally
from purger.model import Edge, Position
from purger.problem_log import ProblemLog
from purger.progress.progress import Progress
from purger.records.recorder import Recorder
from purger.settings import Settings

log = logging.getLogger(__name__)

#: Seconds between two heartbeats that go over a new connection: another varnishd at the address is found by it.
_RENEWAL = 5.0

#: Seconds, at least, in which a new connection must answer; more where all requests take long. A purge waits meanwhile.
_NEW_ANSWERS = 0.5


#: All modes: those that an edge names, and that of one which has not answered yet, or names none.
MODES = ("trusted", "fail-safe", "unguarded", "unknown")


@dataclass(slots=True)
class EdgeMode:
    """The mode and the lease of one edge, as it last named them. Times are seconds of the monotonic clock."""

    mode: str | None = None
    until: float | None = None  # when the lease ends; None: the edge does not say, or has none

    def heard(self, mode: str | None, *, left: float | None, at: float) -> None:
        """Note the answer to a HEARTBEAT that arrived ``at``; ``left``: the remaining seconds of the lease."""
        self.mode = mode
        if mode == "fail-safe":
            self.until = at
        else:
            self.until = at + left if mode == "trusted" and left is not None else None

    def at(self, now: float) -> str:
        """Return the mode at ``now``: an edge whose lease has run out is in fail-safe mode, whatever it last said."""
        if self.mode == "trusted" and self.until is not None and self.until <= now:
            return "fail-safe"
        return self.mode if self.mode in MODES else "unknown"

    def lease_left(self, now: float) -> float | None:
        """Return the seconds until the lease ends, 0 if it has ended; None if the edge does not say."""
        return None if self.until is None else max(0.0, self.until - now)


class EdgeSession:
    """Sends requests to one edge, and notes their outcome in its ``Progress`` and in ``edges.problem``; for one thread.

    ``ask``, ``send_heartbeat`` and ``send`` raise ``DeliveryError``.
    """

    def __init__(
        self,
        edge: Edge,
        settings: Settings,
        progress: Progress,
        recorder: Recorder,
        knows: Callable[[Position], bool],
        tally: Tally | None = None,
    ) -> None:
        """Connect to ``edge`` at the first request.

        ``knows`` tells whether the database has given a position, or raises ``DatabaseUnavailableError``. ``tally``
        counts requests.
        """
        self.edge = edge
        self.mode = EdgeMode()
        self._tally = tally or Tally()
        self._knows = knows
        self.pace = 0.0  # seconds for a request, smoothed
        self._settings = settings
        self._progress = progress
        self._recorder = recorder
        self._client = self._new_client(edge)
        self._renewed = time.monotonic()
        self._problem = ProblemLog(log, f"edge {edge.name}")
        self._closed = ProblemLog(log, f"edge {edge.name}", patience=2)
        self._backoff = Backoff(settings.retry_first, settings.retry_longest)
        self._changes = Backoff(settings.retry_first, settings.retry_longest)
        self._interrupt = threading.Event()

    @property
    def position(self) -> Position:
        """The position that the edge named last."""
        return self._progress.position

    def interrupt(self) -> None:
        """End a pause after an error, now and from now on; may be called from any thread."""
        self._interrupt.set()

    def move_to(self, edge: Edge) -> None:
        """Connect to the new listener where the edge has changed, and ask it first for its instance."""
        if edge is self.edge:
            return
        self._interrupt.clear()
        self.edge = edge
        self._client.close()
        self._client = self._new_client(edge)
        self._backoff.reset()
        self._progress.doubt()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def send(self, request: Request) -> EdgeAnswer:
        """Send one request, and check the position that the edge names in its answer.

        It is the expected one, or a later one where another purger has sent something. An edge that was put back to an
        earlier state is behind.
        """
        with self._tally.delivery(self.edge.name, request.kind):
            return self._send(request)

    def _send(self, request: Request) -> EdgeAnswer:
        began = time.monotonic()
        answer = self._client.send(request, self._progress.instance)
        now = time.monotonic()
        self.pace += (now - began - self.pace) / 8
        self._progress.heard(answer.now, at=now)
        self._went_well()
        wanted = dict(request.headers).get(BATCH)
        expected = (wanted and Position.read(wanted)) or self._progress.position
        if not self._is_at(answer.position, expected):
            raise OtherInstanceError(f"it is at batch {answer.position}, and not at {expected}")
        self._progress.moved_to(answer.position)
        return answer

    def ask(self, *, fresh: bool, ticket: Callable[[], int]) -> None:
        """Ask the edge for its instance and position; ``fresh``: over a new connection.

        ``ticket`` draws the ticket of a verification, after the answer has arrived.
        """
        with self._tally.delivery(self.edge.name, "ask"):
            self._ask(fresh=fresh, ticket=ticket)

    def _ask(self, *, fresh: bool, ticket: Callable[[], int]) -> None:
        if fresh:
            self._client.renew()
        progress = self._progress
        answer = self._client.ask(progress.instance if progress.confirmed and not fresh else None)
        now = time.monotonic()
        self.mode.heard(answer.mode, left=answer.lease_remaining, at=now)
        progress.heard(answer.now, at=now)
        progress.instances.answered(answer.instance, at=now, fresh=fresh)
        if several := progress.instances.several(now):
            raise SeveralInstancesError(
                f"varnishd {several[0]} and varnishd {several[1]} answer in turn at the purge URL, so neither hears of"
                " all purges: give each a URL of its own (`purger edge add`)"
            )
        position = answer.position
        known = position == progress.position or self._knows(position)
        if progress.confirmed and progress.lease.awaits_verification(now):
            progress.lease.heard_from(at=now)
        else:
            progress.lease.answered(answer.now, at=now, ticket=ticket())
        progress.recognise(answer.instance, answer.epoch, position, known=known)
        self._went_well()

    def send_heartbeat(self, epoch: str, *, ticket: Callable[[], int]) -> None:
        """Confirm that the edge has everything that was committed before ``epoch``, a time of its own clock."""
        with self._tally.delivery(self.edge.name, "heartbeat"):
            self._send_heartbeat(epoch, ticket=ticket)

    def _send_heartbeat(self, epoch: str, *, ticket: Callable[[], int]) -> None:
        renew_within = None
        if time.monotonic() - self._renewed > _RENEWAL:
            renew_within = max(_NEW_ANSWERS, 4 * self.pace)
            self._renewed = time.monotonic()
        progress = self._progress
        try:
            instance = str(progress.instance)
            answer = self._client.heartbeat(instance, epoch, progress.position, renew_within=renew_within)
        except MalformedError:
            # The edge does not take this epoch, perhaps since its clock was set back: it names another one.
            progress.doubt()
            raise
        if renew_within is not None:
            self._note_renewal()
        self.mode.heard(answer.mode, left=answer.lease_remaining, at=time.monotonic())
        if answer.position != progress.position:
            raise OtherInstanceError(f"it is at batch {answer.position}, and not at {progress.position}")
        now = time.monotonic()
        self._changes.reset()
        progress.lease.renewed(at=now)
        progress.lease.answered(answer.now, at=now, ticket=ticket())
        progress.recognise(answer.instance, answer.epoch, answer.position, known=True)
        self._went_well(epoch, 0.0 if answer.mode == "unguarded" else answer.lease)

    def failed(self, error: DeliveryError) -> None:
        """Note that a request failed, and wait before the next one."""
        # The edge is asked next, and may have to be flushed.
        self._progress.doubt()
        if isinstance(error, OtherInstanceError):
            log.debug("edge %s: %s", self.edge.name, error)
            self._interrupt.wait(self._changes.next())
        else:
            self.in_trouble(error.kind, str(error))

    def in_trouble(self, kind: str, text: str) -> bool:
        """Record a problem, and wait for some time. Return True when it is a new one."""
        news = self._problem.begin(kind, text)
        self._recorder.alive(self.edge.name, seen_at=None, epoch=None, problem=self._problem.text)
        self.rest()
        return news

    def rest(self) -> None:
        """Wait, for longer after each further failure since a request last went well."""
        self._interrupt.wait(self._backoff.next())

    def _note_renewal(self) -> None:
        """Log once that the edge answers no new connection, and once that it does again."""
        if error := self._client.not_renewed:
            advice = "slow clients may hold its threads (docs/operate/edge.md, Limits for clients)"
            self._closed.begin("closed to new connections", f"{error}. The present connection goes on; {advice}")
        else:
            self._closed.end()

    def _new_client(self, edge: Edge) -> EdgeClient:
        settings = self._settings
        return EdgeClient(edge, connect_timeout=settings.connect_timeout, read_timeout=settings.read_timeout)

    def _is_at(self, position: Position, expected: Position) -> bool:
        return position == expected or (position.batch > expected.batch and self._knows(position))

    def _went_well(self, epoch: str | None = None, lease: float | None = None) -> None:
        self._backoff.reset()
        self._problem.end()
        self._recorder.alive(self.edge.name, seen_at=time.time(), epoch=epoch, problem=None, lease=lease)
