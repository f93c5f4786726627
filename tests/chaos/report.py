"""Format the results of a campaign: a table, and each violation with the image's history."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from rich.box import SIMPLE
from rich.table import Table

from tests.chaos.campaign import Outcome
from tests.chaos.history import BANNED, Change, History, Other, Read, State

#: Seconds of an image's history to show before a violation.
_AROUND = 8.0

#: Violations of each kind to show with their history.
_SHOWN = 3


def table(outcomes: Sequence[Outcome]) -> Table:
    """Make a table with a row for each fault over all its rounds. The delay is the longest."""
    result = Table(box=SIMPLE)
    result.add_column("fault", no_wrap=True)
    for heading in ("rounds", "reads", "refused", "changes", "delay, s", "violations"):
        result.add_column(heading, justify="right")
    for fault in dict.fromkeys(outcome.fault for outcome in outcomes):
        rounds = [outcome for outcome in outcomes if outcome.fault == fault]
        result.add_row(
            fault,
            str(len(rounds)),
            str(sum(outcome.reads for outcome in rounds)),
            str(sum(outcome.refused for outcome in rounds)),
            str(sum(outcome.changes for outcome in rounds)),
            f"{max(outcome.delay for outcome in rounds):.3f}",
            str(sum(len(outcome.violations) for outcome in rounds)),
        )
    return result


def line(outcome: Outcome) -> str:
    """Format a round in one line."""
    return (
        f"{outcome.fault}: {outcome.seconds:.1f} s, {outcome.reads} reads, {outcome.refused} refused, "
        f"{outcome.changes} changes, worst delay {outcome.delay:.3f} s, {len(outcome.violations)} violations"
    )


def details(outcome: Outcome, history: History, seed: int) -> list[str]:
    """Format the violations of a round, with seed, edge and image, and the image's history around each."""
    lines = []
    shown: Counter[str] = Counter()
    for violation in outcome.violations:
        shown[violation.kind] += 1
        if shown[violation.kind] <= _SHOWN:
            where = f"({outcome.fault}, seed {seed}) at {violation.edge}"
            lines.append(f"VIOLATION {violation.kind} {where}: {violation.text}")
            if violation.read is not None:
                lines += _around(violation.read, outcome.history, history)
    lines += [f"... and {count - _SHOWN} more of kind {kind}" for kind, count in shown.items() if count > _SHOWN]
    return lines


def _around(marked: Read, reads: Sequence[Read], history: History) -> list[str]:
    start, end = marked.sent - _AROUND, marked.answered + 1
    changes = history.changes.get(marked.code, [])
    before = [change for change in changes if change.sent < start][-1:]
    events = [
        *((change.sent, _change(change)) for change in before),
        *((change.sent, _change(change)) for change in changes if start <= change.sent <= end),
        *(
            (read.sent, f"{'>>' if read is marked else '  '} {_read(read)}")
            for read in reads
            if read.code == marked.code and read.edge == marked.edge and start <= read.sent <= end
        ),
        *(
            (at, f"-- {window.fault} {what}")
            for window in history.windows
            if window.touches(marked.edge)
            for at, what in ((window.start, "begins"), (window.end, "is over, and all has settled"))
            if start <= at <= end
        ),
    ]
    heading = f"  {marked.code} at {marked.edge}; seconds from when the marked read was sent:"
    return [heading, *(f"  {at - marked.sent:+9.3f} {text}" for at, text in sorted(events))]


def _read(read: Read) -> str:
    return f"{read.path} in {read.answered - read.sent:.3f} s: {_saw(read.saw)}, status {read.status}"


def _change(change: Change) -> str:
    return f"** COMMIT of {_saw(change.state)} sent, returned after {change.returned - change.sent:.3f} s"


def _saw(saw: State | Other) -> str:
    if isinstance(saw, Other):
        return saw.value
    return "banned" if saw == BANNED else f"version {saw}"


def duration(seconds: float) -> str:
    """Format seconds as H:MM:SS."""
    return str(timedelta(seconds=round(seconds)))
