"""Lists the targets, and judges them by the results of benchmarks."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
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


_edge = partial(Target, beside="Varnish with its built-in VCL", benchmark="edge", contender="edge takedown", ratio=True)
_takedown = partial(
    Target,
    beside="a bare PURGE; a plain loop with a 1 s poll",
    benchmark="takedown",
    title="commit to gone, one edge",
    contender="edge takedown",
)
_bulk = partial(Target, beside="one request a subject", benchmark="bulk", contender="edge takedown")
_IMAGES, _OWNERS = (f"bulk of 100,000 {scope}s in one transaction, one edge" for scope in ("image", "owner"))
_whole = partial(
    Target,
    beside="WhiteNoise on cheroot, without a lookup",
    benchmark="origin",
    title="200, 20 KB",
    contender="origin",
    ratio=True,
)
_unchanged = partial(
    Target, beside="Bottle's hello on cheroot", benchmark="origin", title="304", contender="origin", ratio=True
)

#: In the order of the page. The owner of a benchmark keeps its rows.
TARGETS = (
    _edge(what="edge hit, 20 KB: requests/s", title="edge hit, 20 KB", figure="requests/s", at_least=1.0),
    _edge(what="edge hit, 20 KB: CPU a request", title="edge hit, 20 KB", figure="CPU us/request", at_most=1.03),
    _edge(what="edge 304: requests/s", title="edge 304", figure="requests/s", at_least=1.0),
    _edge(what="edge 304: CPU a request", title="edge 304", figure="CPU us/request", at_most=1.03),
    _takedown(what="commit to gone, one edge: p50, ms", figure="p50", at_most=2.0),
    _takedown(what="commit to gone, one edge: p99, ms", figure="p99", at_most=6.0),
    Target(
        what="waiting for bans: CPU of purger and database, % of a core",
        beside="7 before, with steps of 3 ms",
        benchmark="takedown",
        title="waiting for bans, idle",
        contender="edge takedown",
        figure="both, % of a core",
        at_most=7.0,
    ),
    _bulk(what="100,000 images at once: subjects/s", title=_IMAGES, figure="subjects/s", at_least=60_000.0),
    _bulk(what="an urgent ban among these images: p99, ms", title=_IMAGES, figure="urgent p99, ms", at_most=100.0),
    _bulk(what="100,000 owners at once: subjects/s", title=_OWNERS, figure="subjects/s", at_least=30_000.0),
    _bulk(what="an urgent ban among these owners: p99, ms", title=_OWNERS, figure="urgent p99, ms", at_most=100.0),
    _whole(what="origin 200, 20 KB: requests/s", figure="requests/s", at_least=1.0),
    _whole(what="origin 200, 20 KB: CPU of its process a request", figure="CPU us/request", at_most=1.0),
    _unchanged(what="origin 304: requests/s", figure="requests/s", at_least=0.75),
    _unchanged(what="origin 304: CPU of its process a request", figure="CPU us/request", at_most=1.15),
    Target(
        what="a lookup: CPU of the database",
        beside="the same statement, sent as text; a bare row",
        benchmark="origin",
        title="lookup",
        contender="prepared",
        figure="database's CPU us/lookup",
        at_most=0.5,
        ratio=True,
    ),
    Target(
        what="fleet of 100 edges, one ban: slowest edge p99, ms",
        beside="1, 10 and 30 edges",
        benchmark="fleet",
        title="slowest edge, one purger",
        contender="p99",
        figure="100",
        at_most=60.0,
    ),
    Target(
        what="fleet of 1,000 edges, four purgers: slowest edge p99, ms",
        beside="the same with one purger",
        benchmark="fleet",
        title="slowest of 1,000 edges",
        contender="1,000 edges, 4 purgers",
        figure="p99",
        at_most=250.0,
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
