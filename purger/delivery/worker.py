"""Delivers batches, heartbeats and flushes to one edge: a coroutine that takes one step after another.

It waits until the poller finds something, or until something is due. ``Progress`` chooses each step, which is
carried out here: ``EdgeSession`` sends its requests, the recorder writes the outcome. A step of a plan fills the edge's
connection with requests and waits for one answer, so that heartbeats and rebounds come between those of a bulk when
they are due, and single bans before each.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from itertools import chain

from purger.delivery.alarm import Alarm
from purger.delivery.pace import Pace
from purger.delivery.plan_run import PlanRun, urgent_run
from purger.delivery.session import EdgeMode, EdgeSession, RefusedPlanError
from purger.edge.errors import DeliveryError
from purger.edge.purge_request import FLUSH, at_position, late_flush
from purger.model import Edge, FlushRequest, Position, SavedProgress, Verification
from purger.outbox.batches import Batches
from purger.outbox.outbox import MalformedRowError, PrunedError
from purger.outbox.plan import DeliveryPlan
from purger.outbox.poller import Poller
from purger.probing.probers import Probers
from purger.progress.lease import Lease
from purger.progress.progress import Progress
from purger.progress.steps import Ask, Deliver, Flush, FlushRebound, Heartbeat, LateFlushRebound, Rebound, Step, Wait
from purger.records.recorder import EdgeResults, Recorder
from purger.records.tally import Tally
from purger.settings import Settings
from takedown_db.connection.errors import DatabaseUnavailableError

log = logging.getLogger(__name__)

#: Seconds, at most, for which an answer is taken to have waited for those of other edges. The rebound follows the
#: purge, and not its answer: with a thousand edges it would miss the round that comes half a second later.
_WAITED = 0.2

#: The plans in progress of a delivery, or of the rebounds of one turn: the first is the one that the edge is in.
_Runs = deque[PlanRun]


class Worker:
    """Delivers the batches that the poller finds to one edge, and renews the edge's lease.

    All but ``acknowledged`` and ``mode`` is for the thread of the loop that runs it.
    """

    def __init__(
        self,
        edge: Edge,
        saved: SavedProgress,
        settings: Settings,
        poller: Poller,
        batches: Batches,
        recorder: Recorder,
        probers: Probers,
        pace: Pace,
        holds: Callable[[], bool] = lambda: True,
        tally: Tally | None = None,
    ) -> None:
        """Begin with the ``saved`` progress. ``pace`` is that of the loop; ``tally`` counts requests.

        While ``holds`` returns False another purger may have taken the edge over: then only rebounds go on.
        """
        self.edge = edge
        self._poller = poller
        self._record = EdgeResults(recorder)
        self._probers = probers
        self._pace = pace
        self._holds = holds
        late = settings.later_rebound_delay, settings.last_rebound_delay
        self._progress = Progress(settings.rebound_delay, late, Lease(settings.heartbeat_interval))
        self._progress.resume(saved, now=time.monotonic())
        self._session = EdgeSession(edge, settings, self._progress, recorder, self._knows, pace, tally)
        self._wake = Alarm()
        self._verification: Verification | None = None  # that the present step was chosen by
        self._halted = False
        self._asked: FlushRequest | None = None
        self._setbacks = 0  # of the database, that this edge was flushed for
        self._flushed_after: int | None = None  # the batch before those of a flush whose rebound is still to come
        self._batches = batches
        self._delivering: _Runs = deque()
        self._rebounding: dict[int, _Runs] = {}  # by turn
        self._going_before: _Runs = deque()  # urgent bans
        self._urgent = 0  # the batch up to which urgent bans were sent out of turn

    @property
    def acknowledged(self) -> int:
        """The last batch that the edge has acknowledged."""
        return self._progress.acknowledged

    @property
    def mode(self) -> EdgeMode:
        """The edge's mode and lease, as it last named them."""
        return self._session.mode

    def wake(self) -> None:
        """Have the next step chosen now: something new was found."""
        self._wake.ring()

    def wake_from_thread(self) -> None:
        """Do so from any thread."""
        self._loop.call_soon_threadsafe(self.wake)

    def stop(self) -> None:
        """Let ``run`` end after the answer that it waits for."""
        self._halted = True
        self._session.interrupt()
        self._wake.ring()

    def follow(self, edge: Edge) -> None:
        """Use another URL or other files after the request in flight. Progress stays, so the edge is not flushed."""
        self.edge = edge
        self._session.interrupt()
        self._wake.ring()

    def ask_flush(self, asked: FlushRequest | None) -> None:
        """Have the edge flushed, as its operator asks; None: nobody asks."""
        if asked != self._asked:
            self._asked = asked
            self._wake.ring()

    async def run(self) -> None:
        """Take steps until stopped."""
        self._loop = asyncio.get_running_loop()
        while not self._halted:
            self._wake.clear()
            if self.edge is not self._session.edge:
                self._give_up()
                self._session.move_to(self.edge)
            try:
                await self._take(self._next_step())
            except DeliveryError as error:
                self._give_up()
                await self._session.failed(error)
            except RefusedPlanError as error:
                self._give_up()
                self._progress.require_flush(str(error))
            except DatabaseUnavailableError as error:
                # The step needs rows that cannot be read now; the poller has logged why.
                log.debug("edge %s waits: %s", self.edge.name, error)
                self._give_up()
                await self._session.rest()
            except Exception:
                self._give_up()
                text = "this is a bug; the edge gets no heartbeat while it lasts"
                if await self._session.in_trouble("not understood", text):
                    log.exception("edge %s", self.edge.name)
                self._progress.doubt()
        self._session.close()

    async def _take(self, step: Step) -> None:
        match step:
            case Ask():
                await self._session.ask(fresh=step.fresh, ticket=self._poller.draw_ticket)
            case Flush():
                await self._flush(step)
            case Heartbeat():
                await self._session.send_heartbeat(step.epoch, ticket=self._poller.draw_ticket)
            case Deliver():
                await self._deliver(step)
            case Rebound():
                await self._rebound(step)
            case FlushRebound():
                await self._rebound_flush()
            case LateFlushRebound():
                await self._session.send(late_flush(step.older))
                self._progress.late_flush_rebounded()
            case Wait() if self._session.is_idle:
                await self._wait(step)
                return
            case Wait():
                await self._session.settle_next()
        self._finish_runs()

    def _next_step(self) -> Step:
        # In this order: the head is never older than the verification that it is compared with.
        self._verification = self._poller.verification
        head, setbacks = self._poller.known
        if self._setbacks != setbacks:
            self._setbacks = setbacks
            self._forget_runs()
            self._record.drop()
            self._progress.went_back(self._poller.pruned)
        self._progress.ask_flush(self._asked)
        verification, now = self._verification, time.monotonic()
        if not self._holds():
            head = verification = None
        return self._progress.next_step(
            head,
            self._poller.pruned,
            verification,
            now,
            announced=self._pace.announced,
            patient=self._pace.crowded,
        )

    async def _wait(self, step: Wait) -> None:
        if step.for_verification:
            self._poller.on_next_verification(self.wake_from_thread, after=self._verification)
        await self._wake.wait(step.seconds)

    async def _flush(self, step: Flush) -> None:
        await self._session.settle()
        self._finish_runs()
        first = self._progress.acknowledged + 1
        answer = await self._session.send(FLUSH.with_headers(at_position(step.head)))
        log.warning("edge %s is flushed: %s", self.edge.name, step.reason)
        if self._flushed_after is None or first <= self._flushed_after:
            self._flushed_after = first - 1
        self._forget_runs()
        self._progress.flushed(step, clock=answer.now, at=time.monotonic())
        if first <= step.head.batch:
            self._add_receipt(first, step.head.batch, "flush")

    async def _rebound_flush(self) -> None:
        # Without moving the position: that would go back behind the batches that were delivered since the flush.
        await self._session.send(FLUSH.part_of(self._progress.acknowledged, self._session.position))
        self._progress.flush_rebounded()
        self._write_record(flushed=True)
        after, last = self._flushed_after, self._progress.acknowledged
        if after is not None and after < last:
            self._probers.offer_flushed(self.edge, after, last, setbacks=self._setbacks)
        self._flushed_after = None

    async def _deliver(self, step: Deliver) -> None:
        if self._delivering and self._delivering[0].after != step.after:
            self._give_up()
            self._delivering.clear()
        if step.rebound and not self._delivering and not self._rebounding.get(0):
            plan = self._batches.at_hand(step.rebound.after, step.head)
            if plan and plan.last == step.head and len(plan.requests) == 1:
                self._delivering.append(PlanRun(plan, moves=True, rebound=step.rebound, after=step.after))
            elif step.rebound_first:
                await self._rebound(step.rebound)
                return
        await self._advance(self._delivering, step.after, step.head)

    async def _rebound(self, step: Rebound) -> None:
        runs = self._rebounding.setdefault(step.turn, deque())
        if not await self._advance(runs, step.after, step.last, turn=step.turn):
            # Rows past their retention were sent twice already: no flush is needed instead of this late rebound.
            self._progress.rebounded(step.turn, step.last)

    async def _advance(self, runs: _Runs, after: int, last: int, *, turn: int | None = None) -> bool:
        """Send plans of the batches after ``after`` up to ``last``, as far as there is room, and wait for one answer.

        ``turn`` is that of a rebound. Return False when the outbox lacks the rows of the first plan.
        """
        while self._session.has_room:
            # In their order, so that the last one is sent only if all are.
            if runs and not runs[-1].is_sent:
                run = next(run for run in runs if not run.is_sent) if len(runs) > 1 else runs[0]
                if len(run.requests) > 1:
                    await self._start_urgent()
                await run.start_next(self._session)
                continue
            reached = runs[-1].plan.last if runs else after
            if reached >= last:
                break
            plan = await self._plan(reached, last, late=bool(turn))
            if plan is None and not runs:
                return False
            if plan is None:
                break
            runs.append(PlanRun(plan, moves=turn is None))
        if self._session.is_idle:
            await asyncio.sleep(0)  # whatever a step does, the other edges have their turn
        else:
            await self._session.settle_next()
        return True

    async def _start_urgent(self) -> None:
        """Send the single bans that came since the last call before their turn, and before the rest of a bulk."""
        planned = self._delivering[-1].plan.last if self._delivering else self._progress.acknowledged
        if self._holds() and (rows := self._batches.urgent(max(planned, self._urgent))):
            self._urgent = rows[-1].batch
            self._going_before.append(run := urgent_run(rows))
            while not run.is_sent:
                await run.start_next(self._session)

    def _finish_runs(self) -> None:
        """Record the plans that the edge has acknowledged as a whole."""
        while self._going_before and not self._going_before[0].requests:
            self._record.add_probe_results(self._going_before.popleft().probe_results)
        while self._delivering and not self._delivering[0].requests:
            self._delivered(self._delivering.popleft())
        for turn, runs in self._rebounding.items():
            while runs and not runs[0].requests:
                self._progress.rebounded(turn, runs.popleft().plan.last)
                self._write_record()

    def _delivered(self, run: PlanRun) -> None:
        plan = run.plan
        if run.rebound:
            self._progress.rebounded(0, run.rebound.last)
        self._progress.delivered(plan.last, at=max(run.sent_at, time.monotonic() - _WAITED))
        self._add_receipt(run.after + 1, plan.last, "purge")
        self._record.add_probe_results(run.probe_results)
        self._write_record()
        sample = [row for row in plan.sample if row.batch > run.after]
        self._probers.offer(self.edge, sample, setbacks=self._setbacks)

    def _give_up(self) -> None:
        """Give up what is in flight: it is sent again."""
        if not self._session.is_idle:
            self._session.close()
        for run in (*self._delivering, *chain(*self._rebounding.values())):
            run.in_flight = 0
        self._urgent = 0
        self._going_before.clear()

    def _forget_runs(self) -> None:
        self._give_up()
        self._delivering.clear()
        self._rebounding.clear()

    async def _plan(self, after: int, head: int, *, late: bool = False) -> DeliveryPlan | None:
        """Plan batches; return None when the outbox lacks them.

        The edge is then flushed, but not instead of a late rebound.
        """
        try:
            if plan := self._batches.at_hand(after, head):
                return plan
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._batches.reader, self._batches.plan, after, head)
        except PrunedError:
            reason = "the outbox no longer holds the rows that it lacks"
        except MalformedRowError as error:
            reason = f"no purge can be made of a row that it lacks: {error}"
        if not late:
            self._progress.require_flush(reason)
        return None

    async def _knows(self, position: Position) -> bool:
        return await asyncio.get_running_loop().run_in_executor(self._batches.reader, self._batches.knows, position)

    def _add_receipt(self, first: int, last: int, method: str) -> None:
        self._record.add_receipt(self.edge.name, self._progress.instance, first, last, method)

    def _write_record(self, *, flushed: bool = False) -> None:
        self._record.write(self.edge.name, self._progress.saved(), flushed=flushed, setbacks=self._setbacks)
