"""Format the results of explorations: a line each, and a table."""

from collections.abc import Sequence

from rich.box import SIMPLE
from rich.table import Table

from tests.model.checker import Result


def line(result: Result) -> str:
    """Format a result in one line."""
    found = f"{result.broken}, after {len(result.steps)} steps" if result.broken else "all properties hold"
    wrong = "" if result.as_expected else " (NOT as expected)"
    return f"{result.variant.name}: {result.states:,} states in {result.seconds:.1f} s: {found}{wrong}"


def table(results: Sequence[Result]) -> Table:
    """Make a table with a row for each variant."""
    made = Table(box=SIMPLE)
    for heading in ("removed", "faults"):
        made.add_column(heading)
    for heading in ("states", "steps"):
        made.add_column(heading, justify="right")
    made.add_column("broken property")
    made.add_column("test of the schedule")
    for result in results:
        variant = result.variant
        tests = "\n".join(test.rpartition("/")[2].replace("::", " ") for test in variant.tests)
        steps = str(len(result.steps)) if result.broken else ""
        broken = result.broken or "none"
        faults = f"{variant.faults} ({variant.bound} steps)" if variant.bound else variant.faults
        made.add_row(variant.text or "nothing", faults, f"{result.states:,}", steps, broken, tests)
    return made
