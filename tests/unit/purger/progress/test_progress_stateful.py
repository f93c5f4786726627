"""Drive the real ``Progress`` and ``Lease`` through the schedules and properties of docs/internals/model.md.

An edge of a few lines stands in for varnishd, a list of commits for the database. Requests are lost before or after
they were carried out; the edge and the purger restart.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from purger.model import Position, SavedProgress, Verification
from purger.progress.lease import Lease
from purger.progress.progress import Progress
from purger.progress.steps import Ask, Deliver, Flush, FlushRebound, Heartbeat, LateFlushRebound, Rebound, Step
from tests.support.purgers.progress_states import DELAY, LATE, NEW, TRIGGERS, at

#: The edge's clock at 0.0 of the monotonic one.
EPOCH = 1_700_000_000.0


class ModelOfOneEdge(RuleBasedStateMachine):
    """A change is the number of its commit, from 0. ``covers`` has the commits by a time of the edge's clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.commits = 0
        self.batches: list[int] = []  # the count of commits up to each batch
        self.ticket = 0
        self.verification: Verification | None = None
        self.covers: dict[str, int] = {}
        self.start_edge(1)
        self.saved = SavedProgress(None, 0, 0, 0, 0, None)
        self.start_purger()

    def start_edge(self, number: int) -> None:
        self.number, self.position, self.epoch = number, NEW, ""
        self.told: set[int] = set()
        self.told_twice: set[int] = set()

    def start_purger(self) -> None:
        self.progress = Progress(DELAY, LATE, Lease(1.0))
        self.progress.resume(self.saved, now=self.now)
        self.verification = None

    @property
    def instance(self) -> str:
        return f"instance {self.number}"

    @property
    def head(self) -> Position:
        return at(len(self.batches))

    @initialize()
    def the_edge_is_new(self) -> None:
        self.all_is_well_for_two_seconds()

    @rule()
    def all_is_well_for_two_seconds(self) -> None:
        for _ in range(20):
            self.time_passes(0.1)
            self.they_are_verified()
            self.a_step_is_taken("")

    @rule()
    def a_change_is_committed(self) -> None:
        self.commits += 1

    @rule()
    def changes_are_numbered(self) -> None:
        if self.commits > (self.batches[-1] if self.batches else 0):
            self.batches.append(self.commits)

    @rule()
    def they_are_verified(self) -> None:
        ticket = self.ticket
        self.changes_are_numbered()
        self.verification = Verification(ticket, len(self.batches), TRIGGERS)

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 5.0, 30.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def the_edge_restarts(self) -> None:
        self.start_edge(self.number + 1)

    @rule()
    def the_purger_restarts(self) -> None:
        self.start_purger()

    @rule()
    def progress_is_recorded(self) -> None:
        self.saved = self.progress.saved() or self.saved

    @rule(count=st.integers(1, 4))
    def steps_are_taken(self, count: int) -> None:
        for _ in range(count):
            self.a_step_is_taken("")

    @rule(lost=st.sampled_from(["request", "answer"]))
    def a_step_is_taken(self, lost: str) -> None:
        self.progress.instances.pending = 0  # of several varnishds; see test_purger_instances.py
        step = self.progress.next_step(self.head, 0, self.verification, self.now)
        if isinstance(step, (Ask, Flush, Deliver, Rebound, FlushRebound, LateFlushRebound, Heartbeat)):
            confirmed = isinstance(step, Ask) or self.progress.instance == self.instance
            if lost != "request" and confirmed:
                self.carry_out(step)
            if lost or not confirmed:
                self.progress.doubt()
            else:
                self.answered(step)

    def carry_out(self, step: Step) -> None:
        match step:
            case Flush():
                self.position = step.head
                self.tell(0, step.head.batch)
            case Deliver():
                if step.rebound:
                    self.tell(step.rebound.after, step.rebound.last)
                self.tell(step.after, step.head)
                self.position = at(step.head)
            case Rebound() if step.turn == 0:
                self.tell(step.after, step.last)
            case FlushRebound():
                self.tell(0, self.progress.acknowledged)
            case Heartbeat() if self.position == self.progress.position:
                # The edge keeps the later of two. It has every change that the epoch covers, and has had it twice.
                assert set(range(self.covers[step.epoch])) <= self.told_twice
                self.epoch = max(self.epoch, step.epoch)

    def tell(self, after: int, last: int) -> None:
        """Purge what the batches after ``after`` up to ``last`` changed."""
        first = self.batches[after - 1] if after else 0
        changes = set(range(first, self.batches[last - 1] if last else 0))
        self.told_twice |= changes & self.told
        self.told |= changes

    def answered(self, step: Step) -> None:
        progress = self.progress
        match step:
            case Ask() | Heartbeat():
                if isinstance(step, Heartbeat):
                    if self.position != progress.position:
                        progress.doubt()
                        return
                    progress.lease.renewed(at=self.now)
                clock = f"{EPOCH + self.now:.3f}"
                self.covers[clock] = self.commits
                self.ticket += 1
                progress.lease.answered(clock, at=self.now, ticket=self.ticket)
                progress.recognise(self.instance, self.epoch or None, self.position, known=self.position != NEW)
            case Flush():
                progress.flushed(step, clock=f"{EPOCH + self.now:.3f}", at=self.now)
            case Deliver():
                progress.moved_to(self.position)
                if step.rebound:
                    progress.rebounded(step.rebound.turn, step.rebound.last)
                progress.delivered(step.head, at=self.now)
            case Rebound():
                progress.rebounded(step.turn, step.last)
            case FlushRebound():
                progress.flush_rebounded()
            case LateFlushRebound():
                progress.late_flush_rebounded()

    @invariant()
    def progress_never_passes_what_was_acknowledged(self) -> None:
        for progress in (self.progress, self.saved):
            if progress.instance == self.instance and progress.acknowledged and not self.progress.must_flush:
                assert set(range(self.batches[progress.acknowledged - 1])) <= self.told


TestModelOfOneEdge = ModelOfOneEdge.TestCase
TestModelOfOneEdge.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
