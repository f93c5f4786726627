"""Lists the targets, each with what benchmarks have seen. It judges none: a figure of one run is no verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from bench.figures.report import BenchReport
from bench.figures.results import Comparison, Distribution, percentile, short, spread


@dataclass(frozen=True, kw_only=True)
class BenchTarget:
    """A figure of a benchmark, and the value that it must reach."""

    what: str
    beside: str  # its peer in the same run
    benchmark: str
    title: str  # of the result
    contender: str
    #: Of a comparison; or p50, p99 or max of a distribution.
    figure: str
    #: The figure that is wanted; without either it is only shown.
    at_least: float | None = None
    at_most: float | None = None
    #: Whether the ratio to the reference counts, which a busy machine disturbs less than the figure itself.
    ratio: bool = False
    #: Contenders whose figures are shown beside it.
    peers: Sequence[str] = ()
    #: The figures of other runs of the same product, on this and on other machines: a single run tells no spread.
    other_runs: str = ""


_edge = partial(
    BenchTarget,
    beside="Varnish with its built-in VCL; nginx with proxy_cache",
    benchmark="edge",
    contender="edge takedown",
    ratio=True,
    peers=("nginx proxy_cache",),
)
_site = partial(
    BenchTarget,
    beside="Varnish with its built-in VCL, in front of the same nginx",
    benchmark="site",
    contender="edge takedown",
    figure="CPU us/request",
    ratio=True,
)
_takedown = partial(
    BenchTarget,
    beside="a bare PURGE; a plain loop with a 1 s poll",
    benchmark="takedown",
    title="commit to gone, one edge",
    contender="edge takedown",
    peers=("bare PURGE round trip", "plain loop with a 1 s poll"),
)
_bulk = partial(
    BenchTarget,
    beside="one request a subject, by `requests`",
    benchmark="bulk",
    contender="edge takedown",
    peers=("one request a subject",),
)
_log = partial(BenchTarget, beside="without the log", benchmark="signed_log", contender="with the log", ratio=True)
_LOGGED = "bulk of 100,000 images, with the signed log"
_IMAGES, _OWNERS, _DIGESTS = (
    f"bulk of 100,000 {scope}s in one transaction, one edge" for scope in ("image", "owner", "digest")
)
_full = partial(
    BenchTarget,
    beside="before the bulks",
    benchmark="many_objects",
    title="a hit at an edge with 1,000,000 objects",
    figure="CPU us/request",
    at_most=1.05,
    ratio=True,
)
_whole = partial(
    BenchTarget,
    beside="WhiteNoise on cheroot, without a lookup",
    benchmark="origin",
    title="200, 20 KB",
    contender="origin",
    ratio=True,
    peers=("plain bottle",),
)
_unchanged = partial(
    BenchTarget, beside="Bottle's hello on cheroot", benchmark="origin", title="304", contender="origin", ratio=True
)
_large = partial(
    BenchTarget,
    beside="the same with one purger",
    benchmark="fleet",
    title="a fleet under single bans",
    contender="1,000 edges, 4 purgers",
    peers=("1,000 edges, 1 purger",),
)

#: In the order of the page. The owner of a benchmark keeps its rows.
TARGETS = (
    _edge(
        what="edge hit, 20 KB: requests/s",
        other_runs="0.94, 0.95, 1.03",
        title="edge hit, 20 KB",
        figure="requests/s",
        at_least=1.0,
    ),
    _edge(
        what="edge hit, 20 KB: CPU a request",
        other_runs="1.10, 1.07, 0.97",
        title="edge hit, 20 KB",
        figure="CPU us/request",
        at_most=1.03,
    ),
    _edge(
        what="edge 304: requests/s", other_runs="0.99, 0.98, 0.89", title="edge 304", figure="requests/s", at_least=1.0
    ),
    _edge(
        what="edge 304: CPU a request",
        other_runs="1.05, 1.01, 1.16",
        title="edge 304",
        figure="CPU us/request",
        at_most=1.03,
    ),
    _site(
        what="a miss with a verdict, 20 KB: CPU of all parts a request",
        title="site's miss, 20 KB",
        at_most=1.3,
    ),
    _site(what="a hit of a site's picture, 20 KB: CPU a request", title="site's hit, 20 KB", at_most=1.03),
    _takedown(what="commit to gone, one edge: p50, ms", other_runs="2.7 to 4.2 in four", figure="p50", at_most=2.0),
    _takedown(what="commit to gone, one edge: p99, ms", other_runs="6.4 to 22 in four", figure="p99", at_most=6.0),
    BenchTarget(
        what="waiting for bans: CPU of purger and database, % of a core",
        other_runs="8.1 to 9.3 in three",
        beside="7 before, with steps of 3 ms",
        benchmark="takedown",
        title="waiting for bans, idle",
        contender="edge takedown",
        figure="both, % of a core",
        at_most=7.0,
    ),
    BenchTarget(
        what="commit to proven gone, of 60 single bans within 3 s at 3 edges: p99, ms",
        other_runs="136 to 145 in five",
        beside="",
        benchmark="takedown",
        title="60 single bans within 3 s, three edges",
        contender="proven gone",
        figure="p99",
        at_most=2000.0,
    ),
    _bulk(
        what="100,000 images at once: subjects/s",
        other_runs="43,800, idle",
        title=_IMAGES,
        figure="subjects/s",
        at_least=60_000.0,
    ),
    _bulk(
        what="an urgent ban among these images: p99, ms",
        other_runs="81, idle",
        title=_IMAGES,
        figure="urgent p99, ms",
        at_most=100.0,
    ),
    _bulk(
        what="100,000 owners at once: subjects/s",
        other_runs="45,800, idle",
        title=_OWNERS,
        figure="subjects/s",
        at_least=60_000.0,
    ),
    _bulk(
        what="an urgent ban among these owners: p99, ms",
        other_runs="110, idle",
        title=_OWNERS,
        figure="urgent p99, ms",
        at_most=100.0,
    ),
    _bulk(
        what="100,000 digests at once: subjects/s",
        other_runs="28,200 to 34,700, idle",
        title=_DIGESTS,
        figure="subjects/s",
        at_least=60_000.0,
    ),
    _bulk(
        what="an urgent ban among these digests: p99, ms",
        other_runs="227, idle",
        title=_DIGESTS,
        figure="urgent p99, ms",
        at_most=100.0,
    ),
    _log(
        what="100,000 images at once, with the signed log: subjects/s",
        title=_LOGGED,
        figure="subjects/s",
        at_least=0.95,
    ),
    _full(what="a hit after 100,000 bans of images: CPU", contender="after 100,000 images"),
    _full(what="a hit after 100,000 bans of owners, too: CPU", contender="after 100,000 owners"),
    _full(what="a hit after 100,000 bans of digests, too: CPU", contender="after 100,000 digests"),
    BenchTarget(
        what="a ban of an owner with 100 images among 1,000,000: CPU of the edge, ms",
        beside="the same among fewer",
        benchmark="many_objects",
        title="a ban of one owner with 100 images",
        contender="1,000,000 objects",
        figure="CPU of varnishd, ms",
        peers=("10,000 objects", "100,000 objects"),
        at_most=1.0,
    ),
    _whole(what="origin 200, 20 KB: requests/s", other_runs="1.45, 0.90", figure="requests/s", at_least=1.0),
    _whole(
        what="origin 200, 20 KB: CPU of its process a request",
        other_runs="0.54, 0.78",
        figure="CPU us/request",
        at_most=1.0,
    ),
    _unchanged(what="origin 304: requests/s", other_runs="1.29, 0.85", figure="requests/s", at_least=0.75),
    _unchanged(
        what="origin 304: CPU of its process a request", other_runs="0.61, 0.76", figure="CPU us/request", at_most=1.15
    ),
    BenchTarget(
        what="a lookup: CPU of the database",
        beside="the same statement, sent as text; a bare row",
        benchmark="origin",
        title="lookup",
        contender="prepared",
        figure="database's CPU us/lookup",
        peers=("bare row",),
        at_most=0.5,
        ratio=True,
    ),
    BenchTarget(
        what="fleet of 100 edges, one ban: slowest edge p99, ms",
        other_runs="48 (worst of 12), 115",
        beside="1, 10 and 30 edges",
        benchmark="fleet",
        title="slowest edge, one purger",
        contender="100 edges",
        figure="p99, ms",
        peers=("1 edges", "10 edges", "30 edges"),
        at_most=60.0,
    ),
    BenchTarget(
        what="fleet of 1,000 edges, four purgers: slowest edge p99, ms",
        other_runs="765",
        beside="the same with one purger",
        benchmark="fleet",
        title="slowest of 1,000 edges",
        contender="1,000 edges, 4 purgers",
        figure="p99",
        peers=("1,000 edges, 1 purger",),
        at_most=250.0,
    ),
    _large(what="their heartbeats: leases that ran out", figure="leases that ran out", at_most=0.0),
    _large(what="their heartbeats: longest gap, s (the lease is 10)", figure="latest heartbeat, s", at_most=5.0),
    _large(what="their purgers and database, % of a core", figure="in all, % of a core", at_most=200.0),
    BenchTarget(
        what="memory of a purger with 250 edges, MB",
        beside="1, 10, 30 and 100 edges",
        benchmark="fleet",
        title="a fleet without bans",
        contender="250 edges",
        peers=("1 edges", "10 edges", "30 edges", "100 edges"),
        figure="RSS MB a purger",
        at_most=100.0,
    ),
    BenchTarget(
        what="memory of a process of the origin, MB",
        beside="Bottle's hello and WhiteNoise on cheroot",
        benchmark="origin",
        title="memory after all requests",
        contender="origin",
        peers=("bottle hello", "whitenoise"),
        figure="RSS MB a process",
        at_most=60.0,
    ),
)


def row(target: BenchTarget, reports: Mapping[str, BenchReport]) -> list[str]:
    """Make a target's row of the page: what, beside, wanted, seen in the last run, in other runs, its peers."""
    begin = [target.what, target.beside, _wanted(target)]
    report = reports.get(target.benchmark)
    if report is None:
        return [*begin, "not measured yet", target.other_runs, ""]
    values = seen(target, report)
    if not values:
        return [*begin, "not seen in the run", target.other_runs, ""]
    busy = "" if target.ratio or report.machine.get("idle") else "; on a busy machine"
    return [*begin, f"{spread(values)}{busy}", target.other_runs, _peers(target, report)]


def seen(target: BenchTarget, report: BenchReport) -> Sequence[float]:
    """Find a target's figure in a report, in each round where it has one a round; nothing where the report lacks it."""
    result = report.result(target.title)
    if isinstance(result, Comparison):
        if target.ratio:
            return result.ratios(target.contender, target.figure)
        return result.figures.get(target.contender, {}).get(target.figure, ())
    if isinstance(result, Distribution):
        if not (samples := result.samples.get(target.contender, ())):
            return ()
        return [max(samples) if target.figure == "max" else percentile(samples, int(target.figure.removeprefix("p")))]
    return ()


def _peers(target: BenchTarget, report: BenchReport) -> str:
    """Show the figures of a target's peers, those that the report has."""
    found = {peer: seen(replace(target, contender=peer), report) for peer in target.peers}
    return ", ".join(f"{peer}: {spread(values)}" for peer, values in found.items() if values)


def _wanted(target: BenchTarget) -> str:
    unit = " times" if target.ratio else ""
    if target.at_least is not None:
        return f"at least {short(target.at_least)}{unit}"
    return "" if target.at_most is None else f"at most {short(target.at_most)}{unit}"
