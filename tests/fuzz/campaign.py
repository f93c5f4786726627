"""Send case after case to one listener of a running stack, and judge the answers and the stack's health."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from stack.processes.waiting import wait_until
from stack.system import Stack
from tests.fuzz.case import Case, Target
from tests.fuzz.case_maker import make_case
from tests.fuzz.door_requests import admit_reader
from tests.fuzz.final_checks import final_checks
from tests.fuzz.health import Counters, Health, grown, is_late
from tests.fuzz.judge import PASSING, Verdict, judge
from tests.fuzz.raw_exchange import exchange

_CLIENTS = 8

#: Cases between two checks of counters and logs.
_BLOCK = 500

#: Fewest requests to judge memory by: after fewer the servers still grow to their usual size.
_MEMORY_FROM = 5_000

#: Seconds after which a case that still causes a fault of ``PASSING`` is at fault: after a time-out of the database the
#: origin answers 503 for a second, also to the same case.
_PASSED = 10.0

#: Most cases to find for alarming lines of the logs, by sending a block again one by one.
_PINPOINTED = 3


@dataclass(frozen=True, slots=True)
class Fault:
    """A violation, with the case that caused it where that is known."""

    kind: str
    text: str
    case: Case | None = None


@dataclass
class Outcome:
    """The figures and faults of one listener."""

    target: Target
    requests: int = 0
    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    resets: int = 0
    passing: int = 0  # answers and alarms of a busy machine: the same case did not cause them again
    memory: dict[str, tuple[int, int]] = field(default_factory=dict)  # bytes, after a fifth and at the end
    faults: list[Fault] = field(default_factory=list)


class Campaign:
    """All cases of one seed for one listener. ``report`` gets each fault as it is found."""

    def __init__(self, stack: Stack, target: Target, seed: int, report: Callable[[Fault], object]) -> None:
        self._stack = stack
        self._seed = seed
        self._report = report
        self._token = _token(stack, target)
        self._health = Health(stack)
        self.outcome = Outcome(target)

    def run(self, requests: int, progress: Callable[[int], object] = lambda _done: None) -> Outcome:
        """Send cases 0 to ``requests`` - 1, then check that the stack serves as before. ``progress`` gets the count."""
        self._health.settle()
        outcome, began, early = self.outcome, time.monotonic(), None
        with ThreadPoolExecutor(_CLIENTS) as clients:
            for start in range(0, requests, _BLOCK):
                cases = [make_case(outcome.target, self._seed, n) for n in range(start, min(start + _BLOCK, requests))]
                self._block(cases, clients)
                outcome.requests += len(cases)
                progress(outcome.requests)
                if early is None and outcome.requests >= requests // 5:
                    early = self._health.memory()
        outcome.seconds = time.monotonic() - began
        late = self._health.memory()
        outcome.memory = {name: ((early or late)[name], late[name]) for name in late}
        if early and requests >= _MEMORY_FROM:
            self._tell("memory", grown(early, late))
        self._tell("served", final_checks(self._stack))
        return outcome

    def replay(self, case: Case) -> Verdict:
        """Send only one case, and judge its answers, the counters and the logs."""
        self._health.settle()
        before = self._health.counters()
        verdict = self._one(case)
        self._note(case, verdict)
        self._compare(before, [verdict])
        self._tell("log", self._health.alarms(), case)
        self._tell("served", final_checks(self._stack), case)
        return verdict

    def _block(self, cases: list[Case], clients: ThreadPoolExecutor) -> None:
        before = self._health.counters()
        verdicts = list(clients.map(self._one, cases))
        for case, verdict in zip(cases, verdicts, strict=True):
            self._note(case, verdict)
        self._compare(before, verdicts)
        if alarms := self._health.alarms():
            self._pinpoint(alarms, cases)

    def _one(self, case: Case) -> Verdict:
        port = {
            Target.EDGE: self._stack.edge.public_port,
            Target.ORIGIN: self._stack.origin.port,
            Target.PURGE: self._stack.edge.purge_port,
            Target.DOOR: self._stack.door.port if self._stack.door else 0,
        }[case.target]
        seen = exchange(port, case, self._token)
        self.outcome.resets += seen.reset and not case.aborted
        return judge(case, seen, self._token)

    def _note(self, case: Case, verdict: Verdict) -> None:
        self.outcome.statuses.update(answer.status for answer in verdict.answers)
        for kind, text in verdict.faults:
            if kind in PASSING and self._passes(kind, case):
                self.outcome.passing += 1
            else:
                self._tell(kind, [text], case)

    def _passes(self, kind: str, case: Case) -> bool:
        """Send a case again, and tell whether a fault of its kind is over."""
        with suppress(TimeoutError):
            wait_until(lambda: kind not in dict(self._one(case).faults), f"no {kind}", _PASSED)
            return True
        return False

    def _compare(self, before: Counters, verdicts: list[Verdict]) -> None:
        """Check that varnishd did not restart, and that edge and tables changed as the answers say."""
        after = self._health.counters()
        if after.restarts != before.restarts:
            self._tell("restart", [f"varnishd's child: {before.restarts} became {after.restarts}"])
        said = range(sum(v.acts.start for v in verdicts), sum(v.acts.stop - 1 for v in verdicts) + 1)
        nothing, target = range(1), self.outcome.target
        if (done := after.acts - before.acts) not in (said if target is Target.PURGE else nothing) and (
            target is not Target.DOOR  # its purges reach the edge
        ):
            self._tell("purged", [f"the edge carried out {done} purges and bans, and said so {said.start} times"])
        if (done := after.orders - before.orders) not in (said if target is Target.DOOR else nothing):
            self._tell(
                "ordered", [f"{done} bans, lifts and purges were written, and the door said so {said.start} times"]
            )

    def _pinpoint(self, alarms: list[str], cases: list[Case]) -> None:
        """Find the cases that caused lines of the logs, by sending them again one by one."""
        known = sum(fault.kind == "log" and fault.case is not None for fault in self.outcome.faults)
        if known >= _PINPOINTED:
            self._tell("log", alarms)
            return
        for case in cases:
            if again := self._alarms_of(case):
                self._tell("log", again[:1], case)
                known += 1
            if known >= _PINPOINTED:
                return
        if not known:
            self._tell("log", [alarm for alarm in alarms if not is_late(alarm)])
            self.outcome.passing += sum(map(is_late, alarms))

    def _alarms_of(self, case: Case) -> list[str]:
        """Send a case again, and once more where a server was late: the machine may still be busy."""
        self._one(case)
        alarms = self._health.alarms()
        if alarms and all(map(is_late, alarms)):
            self._one(case)
            alarms = self._health.alarms()
        return alarms

    def _tell(self, kind: str, texts: list[str], case: Case | None = None) -> None:
        for text in texts:
            fault = Fault(kind, text, case)
            self.outcome.faults.append(fault)
            self._report(fault)


def _token(stack: Stack, target: Target) -> str:
    if target is not Target.DOOR:
        return stack.edge.token()
    assert stack.door is not None, "the stack has a door"
    admit_reader(stack.door)
    return stack.door.token
