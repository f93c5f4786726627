"""Talks to one edge: sends requests, waits after failures, and tracks instance, position and mode by the answers.

Several requests may be in flight over the edge's connection, and their answers come in the same order. How many is
bounded by how long the edge takes for them: a heartbeat or a single ban waits behind them.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from purger.backoff import Backoff
from purger.delivery.alarm import Alarm
from purger.delivery.pace import Pace
from purger.delivery.window import Window
from purger.edge.answer import EdgeAnswer
from purger.edge.channel import Awaited
from purger.edge.errors import DeliveryError, MalformedError, OtherInstanceError, SeveralInstancesError
from purger.edge.link import EdgeLink
from purger.edge.purge_request import HEARTBEAT, TAGS, Request, heartbeat
from purger.model import Edge, Position
from purger.problem_log import ProblemLog
from purger.progress.progress import Progress
from purger.records.recorder import Recorder
from purger.records.tally import Tally
from purger.settings import Settings

log = logging.getLogger(__name__)

#: Seconds, at least, between two heartbeats that go over a new connection: another varnishd at the address is found by
#: it. With more than a hundred edges it takes longer (``Pace.may_connect``).
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


class RefusedPlanError(Exception):
    """The edge calls a purge malformed, so that it has to be flushed. The text is the reason for the flush."""

    def __init__(self) -> None:
        super().__init__("a purge that it calls malformed must not block it")


class _InFlight(NamedTuple):
    """A request whose answer is to come; ``expected`` is the position in it, ``done`` is called with it."""

    request: Request
    reply: Awaited
    expected: Position
    began: float
    lone: bool  # nothing else was in flight when it was sent
    done: Callable[[EdgeAnswer], None]


class EdgeSession:
    """Sends requests to one edge, and notes their outcome in its ``Progress`` and in ``edges.problem``.

    For one coroutine. All that send or wait raise ``DeliveryError``, and ``RefusedPlanError`` for a purge in flight
    that is refused. After an error nothing is in flight.
    """

    def __init__(
        self,
        edge: Edge,
        settings: Settings,
        progress: Progress,
        recorder: Recorder,
        knows: Callable[[Position], Awaitable[bool]],
        pace: Pace,
        tally: Tally | None = None,
    ) -> None:
        """Connect to ``edge`` at the first request.

        ``knows`` tells whether the database has given a position, or raises ``DatabaseUnavailableError``. ``pace`` is
        that of the loop, ``tally`` counts requests.
        """
        self.edge = edge
        self.mode = EdgeMode()
        self._pace = pace
        self._tally = tally or Tally()
        self._knows = knows
        self._settings = settings
        self._progress = progress
        self._recorder = recorder
        self._link = self._new_link(edge)
        self._renewed = time.monotonic()
        self._in_flight: deque[_InFlight] = deque()
        self._window = Window()
        self._problem = ProblemLog(log, f"edge {edge.name}")
        self._closed = ProblemLog(log, f"edge {edge.name}", patience=2)
        self._backoff = Backoff(settings.retry_first, settings.retry_longest)
        self._changes = Backoff(settings.retry_first, settings.retry_longest)
        self._interrupt = Alarm()

    @property
    def position(self) -> Position:
        """The position at which the edge is when it has carried out the requests in flight."""
        return self._in_flight[-1].expected if self._in_flight else self._progress.position

    @property
    def has_room(self) -> bool:
        """Whether one more request may be in flight."""
        return len(self._in_flight) < self._window.size

    @property
    def is_idle(self) -> bool:
        """Whether no request is in flight."""
        return not self._in_flight

    def interrupt(self) -> None:
        """End a pause after an error, now and from now on."""
        self._interrupt.ring()

    def move_to(self, edge: Edge) -> None:
        """Connect to the new listener where the edge has changed, and ask it first for its instance."""
        if edge is self.edge:
            return
        self._interrupt.clear()
        if edge.purge_url != self.edge.purge_url:
            self._progress.instances.moved()
        self.edge = edge
        self.close()
        self._link = self._new_link(edge)
        self._backoff.reset()
        self._progress.doubt()

    def close(self) -> None:
        """Close the connection, and give up what is in flight."""
        self._in_flight.clear()
        self._link.close()

    async def send(self, request: Request) -> EdgeAnswer:
        """Send one request, and wait for its answer and for all before it."""
        answers: list[EdgeAnswer] = []
        await self.start(request, answers.append)
        await self.settle()
        return answers[0]

    async def start(self, request: Request, done: Callable[[EdgeAnswer], None]) -> None:
        """Send one request behind those in flight; ``done`` is called when its answer is checked (``settle_next``)."""
        if self._in_flight and not self._link.is_open:
            await self.settle()
        expected = request.leads_to or self.position
        began = time.monotonic()
        try:
            reply = await self._link.start(request, self._progress.instance)
        except DeliveryError as error:
            self._tally.count(self.edge.name, request.kind, error.kind)
            raise
        self._in_flight.append(_InFlight(request, reply, expected, began, not self._in_flight, done))

    async def settle(self) -> None:
        """Wait for the answers to all requests in flight."""
        while self._in_flight:
            await self.settle_next()

    async def settle_next(self) -> None:
        """Wait for the answer to the oldest request in flight, and check the position that the edge names in it."""
        full = not self.has_room
        each = self._in_flight.popleft()
        if each.reply.done():
            await asyncio.sleep(0)  # of several answers that came together: other edges have their turn before each
        with self._tally.delivery(self.edge.name, each.request.kind):
            try:
                answer = await self._link.answer(each.request, each.reply)
            except MalformedError as error:
                if (tags := dict(each.request.headers).get(TAGS)) is None:
                    raise
                log.error("edge %s calls the purge of %.80s malformed: %s", self.edge.name, tags, error)
                raise RefusedPlanError from error
            now = time.monotonic()
            self._window.answered(now - each.began, lone=each.lone, full=full)
            self._progress.heard(answer.now, at=now)
            self._backoff.reset()
            if answer.position != each.expected:
                await self._check_position(answer, each.expected)
        self._progress.moved_to(answer.position)
        each.done(answer)

    async def ask(self, *, fresh: bool, ticket: Callable[[], int]) -> None:
        """Ask the edge for its instance and position; ``fresh``: over a new connection.

        ``ticket`` draws the ticket of a verification, after the answer has arrived.
        """
        await self.settle()
        with self._tally.delivery(self.edge.name, "ask"):
            await self._ask(fresh=fresh, ticket=ticket)

    async def _ask(self, *, fresh: bool, ticket: Callable[[], int]) -> None:
        if fresh:
            self._link.close()
        progress = self._progress
        instance = progress.instance if progress.confirmed and not fresh else None
        answer = await self._link.answer(HEARTBEAT, await self._link.start(HEARTBEAT, instance))
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
        known = position == progress.position or await self._knows(position)
        if progress.confirmed and progress.lease.awaits_verification(now):
            progress.lease.heard_from(at=now)
        else:
            progress.lease.answered(answer.now, at=now, ticket=ticket())
        progress.recognise(answer.instance, answer.epoch, position, known=known)
        self._went_well()

    async def send_heartbeat(self, epoch: str, *, ticket: Callable[[], int]) -> None:
        """Confirm that the edge has everything that was committed before ``epoch``, a time of its own clock.

        A heartbeat goes behind what is in flight, which the window bounds, and before all else.
        """
        now = time.monotonic()
        if now - self._renewed > _RENEWAL and self._pace.may_connect(now):
            self._renewed = now
            answer = await self._renew(epoch)
        else:
            answer = await self.send(heartbeat(epoch, self.position))
        now, progress = time.monotonic(), self._progress
        self.mode.heard(answer.mode, left=answer.lease_remaining, at=now)
        self._changes.reset()
        progress.lease.renewed(at=now)
        progress.lease.answered(answer.now, at=now, ticket=ticket())
        progress.recognise(answer.instance, answer.epoch, answer.position, known=True)
        self._went_well(epoch, 0.0 if answer.mode == "unguarded" else answer.lease)

    async def _renew(self, epoch: str) -> EdgeAnswer:
        """Send a heartbeat over a new connection, if the edge answers one."""
        await self.settle()
        request, within = heartbeat(epoch, self.position), max(_NEW_ANSWERS, 4 * self._window.pace)
        with self._tally.delivery(self.edge.name, "heartbeat"):
            answer = await self._link.send_anew(request, str(self._progress.instance), within)
            self._note_renewal()
            await self._check_position(answer, self.position)
        return answer

    async def failed(self, error: DeliveryError) -> None:
        """Note that a request failed, and wait before the next one."""
        # The edge is asked next, and may have to be flushed. One that does not take an epoch names another one.
        self._progress.doubt()
        if isinstance(error, OtherInstanceError):
            log.debug("edge %s: %s", self.edge.name, error)
            await self._interrupt.wait(self._changes.next())
        else:
            await self.in_trouble(error.kind, str(error))

    async def in_trouble(self, kind: str, text: str) -> bool:
        """Record a problem, and wait for some time. Return True when it is a new one."""
        news = self._problem.begin(kind, text)
        self._recorder.alive(self.edge.name, seen_at=None, epoch=None, problem=self._problem.text)
        await self.rest()
        return news

    async def rest(self) -> None:
        """Wait, for longer after each further failure since a request last went well."""
        await self._interrupt.wait(self._backoff.next())

    def _note_renewal(self) -> None:
        """Log once that the edge answers no new connection, and once that it does again."""
        if error := self._link.not_renewed:
            advice = "slow clients may hold its threads (docs/operate/edge.md, Limits for clients)"
            self._closed.begin("closed to new connections", f"{error}. The present connection goes on; {advice}")
        else:
            self._closed.end()

    def _new_link(self, edge: Edge) -> EdgeLink:
        settings = self._settings
        return EdgeLink(edge, connect_timeout=settings.connect_timeout, read_timeout=settings.read_timeout)

    async def _check_position(self, answer: EdgeAnswer, expected: Position) -> None:
        """Accept the ``expected`` position, or a later one where another purger has sent something.

        An edge that was put back to an earlier state is behind.
        """
        position = answer.position
        if position != expected and not (position.batch > expected.batch and await self._knows(position)):
            raise OtherInstanceError(f"it is at batch {position}, and not at {expected}")

    def _went_well(self, epoch: str | None = None, lease: float | None = None) -> None:
        self._backoff.reset()
        self._problem.end()
        self._recorder.alive(self.edge.name, seen_at=time.time(), epoch=epoch, problem=None, lease=lease)
