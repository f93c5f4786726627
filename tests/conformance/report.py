"""Show results as a table for people, or as JSON."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from rich.box import SIMPLE
from rich.table import Table

from tests.conformance.verdict import Result, Verdict

_COLOURS = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.NOT_OFFERED: "yellow"}


def table(results: Sequence[Result]) -> Table:
    """Make a table with a row for each check."""
    made = Table(box=SIMPLE)
    for heading in ("check", "result", "seen"):
        made.add_column(heading, no_wrap=heading != "seen")
    for result in results:
        colour = _COLOURS[result.verdict]
        made.add_row(result.check, f"[{colour}]{result.verdict}[/]", _plain(result.seen))
    return made


def summary(results: Sequence[Result]) -> str:
    """Count the results, in one line."""
    counted = Counter(result.verdict for result in results)
    return ", ".join(f"{counted[verdict]} {verdict}" for verdict in Verdict)


def as_json(caches: dict[str, Sequence[Result]]) -> str:
    """Write the results of each cache as JSON."""
    return json.dumps({name: [asdict(result) for result in results] for name, results in caches.items()}, indent=2)


def _plain(text: str) -> str:
    return text.replace("[", "\\[")
