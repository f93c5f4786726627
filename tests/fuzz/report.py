"""Format faults of the fuzzer, and write failing cases to files."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE
from rich.table import Table

from tests.fuzz.campaign import Fault, Outcome

#: Most faults to show and write, of each kind at each listener.
_SHOWN = 3


class Reporter:
    """A report on faults as they come, with their cases as files in ``directory``."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seen: Counter[tuple[str, str]] = Counter()

    def lines(self, listener: str, fault: Fault) -> list[str]:
        """Write a fault's case and return the lines to print; none from the fourth fault of a kind on."""
        self._seen[listener, fault.kind] += 1
        number = self._seen[listener, fault.kind]
        if number > _SHOWN:
            return []
        lines = [f"FAULT {fault.kind} at {listener}: {ascii(fault.text)[1:-1]}"]
        if fault.case is not None:
            path = self._directory / f"{listener}-{fault.kind}-{number}.json"
            self._directory.mkdir(parents=True, exist_ok=True)
            fault.case.write(path, f"{fault.kind}: {fault.text}")
            data = fault.case.data
            shown = f"{data[:400]!r}" + (f" and {len(data) - 400} bytes more" if len(data) > 400 else "")
            lines += [f"  seed {fault.case.seed}, number {fault.case.number}: {shown}", f"  ./dev fuzz --replay {path}"]
        return lines


def table(outcomes: Sequence[Outcome]) -> Table:
    """Make a table with a row for each listener. Memory is that after a fifth of the requests, and at the end."""
    result = Table(box=SIMPLE)
    for heading in ("listener", "requests", "a second", "answers", "resets", "memory, MB", "faults"):
        result.add_column(heading, justify="left" if heading in ("listener", "answers") else "right")
    for outcome in outcomes:
        result.add_row(
            str(outcome.target),
            f"{outcome.requests:,}",
            f"{outcome.requests / max(outcome.seconds, 0.001):,.0f}",
            " ".join(f"{status}:{count}" for status, count in sorted(outcome.statuses.items())),
            str(outcome.resets),
            ", ".join(f"{name} {early >> 20} to {late >> 20}" for name, (early, late) in outcome.memory.items()),
            " ".join(f"{kind}:{count}" for kind, count in Counter(f.kind for f in outcome.faults).items()) or "0",
        )
    return result
