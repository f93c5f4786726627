"""Lists the targets, and judges them by the results of benchmarks."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from bench.report import Report
from bench.results import Comparison, Curves, Distribution, percentile, short


@dataclass(frozen=True, kw_only=True)
class Target:
    """A figure of a benchmark, and the value that it must reach."""

    what: str
    beside: str  # its peer in the same run
    benchmark: str
    title: str  # of the result
    contender: str  # or the name of a line of curves
    figure: str  # of a comparison; p50, p99 or max of a distribution; the x of a point of curves
    at_least: float | None = None
    at_most: float | None = None
    #: Whether the ratio to the reference counts, which a busy machine disturbs less than the figure itself.
    ratio: bool = False
    #: The limit that a target meets which is not reached, and where the time goes.
    limit: str = ""


#: In the order of the page. The owner of a benchmark keeps its rows.
TARGETS = (
    Target(
        what="commit to gone, one edge: p50",
        beside="bare PURGE, plain loop with a 1 s poll",
        benchmark="takedown",
        title="commit to gone, one edge",
        contender="edge takedown",
        figure="p50",
        at_most=2.0,
    ),
    Target(
        what="commit to gone, one edge: p99",
        beside="bare PURGE, plain loop with a 1 s poll",
        benchmark="takedown",
        title="commit to gone, one edge",
        contender="edge takedown",
        figure="p99",
        at_most=6.0,
    ),
)


def row(target: Target, reports: Mapping[str, Report]) -> list[str]:
    """Make a target's row of the page: what, beside, target, seen, verdict."""
    sign = "at least" if target.at_least is not None else "at most"
    wanted = f"{sign} {short(target.at_least if target.at_least is not None else target.at_most or 0.0)}"
    report = reports.get(target.benchmark)
    value = None if report is None else seen(target, report)
    if report is None or value is None:
        return [target.what, target.beside, wanted, "", "not measured yet"]
    return [target.what, target.beside, wanted, short(value), _verdict(target, value, report)]


def seen(target: Target, report: Report) -> float | None:
    """Find a target's figure in a report; None where the report lacks it."""
    result = report.result(target.title)
    if isinstance(result, Comparison):
        if target.ratio:
            return result.ratio(target.contender, target.figure) if target.contender in result.figures else None
        values = result.figures.get(target.contender, {}).get(target.figure)
        return None if values is None else median(values)
    if isinstance(result, Distribution):
        samples = result.samples.get(target.contender)
        if samples is None:
            return None
        return max(samples) if target.figure == "max" else percentile(samples, int(target.figure.removeprefix("p")))
    if isinstance(result, Curves):
        return dict(result.lines.get(target.contender, ())).get(float(target.figure))
    return None


def _verdict(target: Target, value: float, report: Report) -> str:
    reached = (target.at_least is None or value >= target.at_least) and (
        target.at_most is None or value <= target.at_most
    )
    busy = "" if target.ratio or report.machine.get("idle") else "; measured on a busy machine"
    if reached:
        return f"met{busy}"
    return f"not met{busy}" + (f": {target.limit}" if target.limit else "")
