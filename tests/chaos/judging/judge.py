"""Compare reads with the promises. The judge knows no servers, only the recorded history.

A read may show any state that was current at some time from ``bound`` before it was sent until it was answered.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.chaos.history import BANNED, Change, Other, Read, Stall, Window

#: Seconds between an event and its record: this process shares the machine with all that it measures.
SLACK = 0.25
#: Longest wait of a client, in seconds, and largest part of reads that may be refused, while no fault happens.
LONGEST_WAIT = 2.0
REFUSED_PART = 0.01


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a campaign while no fault happens. Times are in seconds."""

    bound: float = 1.0  # for a takedown
    longest_wait: float = LONGEST_WAIT
    refused_part: float = REFUSED_PART


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken. ``kind`` is one of leak, stale, stuck, early, foreign, starved, fail-safe and lost."""

    kind: str
    edge: str
    text: str
    read: Read | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement of one read: seconds for which its state had ended (0 for a current one), and any violation."""

    delay: float = 0.0
    violation: Violation | None = None


class Judge:
    """A judge of reads against changes and faults. ``bound`` is the promise without a fault, in seconds."""

    def __init__(
        self,
        changes: Mapping[str, Sequence[Change]],
        windows: Sequence[Window] = (),
        stalls: Sequence[Stall] = (),
        bound: float = 1.0,
    ) -> None:
        self._changes = changes
        self._windows = windows
        self._stalls = stalls
        self._bound = bound
        self._deadlines: dict[tuple[int, str], float] = {}

    def deadline(self, change: Change, edge: str) -> float:
        """Return the time until which an edge may answer requests with the state that this change ended."""
        key = (id(change), edge)
        if key not in self._deadlines:
            bound = max(
                (
                    window.bound
                    for window in self._windows
                    if window.touches(edge)
                    and window.start <= change.returned + self._bound
                    and window.end >= change.sent
                ),
                default=self._bound,
            )
            until = change.returned + max(bound, self._bound) + SLACK
            self._deadlines[key] = until + stalled(self._stalls, change.sent, until)
        return self._deadlines[key]

    def judge(self, read: Read) -> Verdict:
        """Judge one read."""
        if read.saw is Other.FOREIGN:
            return self._broken(read, "foreign", f"status {read.status} with bytes that are not this image's")
        if isinstance(read.saw, Other):
            return Verdict()
        changes = self._changes[read.code]
        for index in range(len(changes) - 1, -1, -1):
            if changes[index].state != read.saw or changes[index].sent > read.answered:
                continue
            if index + 1 == len(changes):
                return Verdict()
            end = changes[index + 1]
            delay = max(0.0, read.sent - end.returned)
            if read.sent <= self.deadline(end, read.edge):
                return Verdict(delay)
            text = f"{_name(read.saw)} shown {delay:.3f} s after the commit that ended it"
            return self._broken(read, self._kind(read), text, delay)
        return self._broken(read, "early", f"{_name(read.saw)} shown before its commit was sent")

    def _kind(self, read: Read) -> str:
        if read.saw == BANNED:
            return "stuck"
        changes = self._changes[read.code]
        current = changes[bisect_right(changes, read.sent, key=lambda change: change.returned) - 1]
        return "leak" if current.state == BANNED else "stale"

    @staticmethod
    def _broken(read: Read, kind: str, text: str, delay: float = 0.0) -> Verdict:
        return Verdict(delay, Violation(kind, read.edge, text, read))


def starving(
    reads: Iterable[Read],
    windows: Sequence[Window],
    stalls: Sequence[Stall],
    edges: Iterable[str],
    start: float,
    end: float,
    limits: Limits = Limits(),
) -> list[Violation]:
    """Return violations of reads that failed or waited between start and end, without a fault at their edge."""
    reads = list(reads)
    violations = []
    for edge in edges:
        touching = [window for window in windows if window.touches(edge)]
        calm = [
            read
            for read in reads
            if read.edge == edge
            and read.sent >= start
            and not any(window.start <= read.answered and window.end >= read.sent for window in touching)
        ]
        if len(calm) < _calm_seconds(touching, start, end) - 1:
            violations.append(Violation("starved", edge, f"only {len(calm)} reads were answered while all was well"))
        bad = [read for read in calm if read.saw in (Other.REFUSED, Other.FAILED)]
        if len(bad) > max(1, limits.refused_part * len(calm)):
            text = f"{len(bad)} of {len(calm)} reads were refused or failed while all was well"
            violations.append(Violation("starved", edge, text, bad[0]))
        violations += [
            Violation("starved", edge, f"waited {read.answered - read.sent:.3f} s while all was well", read)
            for read in calm
            if read.answered - read.sent - stalled(stalls, read.sent, read.answered) > limits.longest_wait
        ]
    return violations


def stalled(stalls: Sequence[Stall], start: float, end: float) -> float:
    """Sum the seconds between start and end in which the machine did not run this process."""
    return sum(max(0.0, min(end, stall.end) - max(start, stall.start)) for stall in stalls)


def _calm_seconds(windows: Sequence[Window], start: float, end: float) -> float:
    """Sum the seconds between start and end that lie in none of the windows."""
    calm, at = 0.0, start
    for window in sorted(windows, key=lambda window: window.start):
        calm += max(0.0, min(window.start, end) - at)
        at = max(at, window.end)
    return calm + max(0.0, end - at)


def _name(state: int) -> str:
    return "the special image" if state == BANNED else f"version {state}"
