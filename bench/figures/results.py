"""Defines the results of benchmarks. ``run`` of each benchmark yields them; tables and JSON are made of them.

A benchmark ``bench/NAME.py`` has a function ``run(directory, rounds)`` that yields results, each as soon as it is
complete: it is then printed, and with ``./dev bench NAME --output DIRECTORY`` written as JSON. For example::

    def run(directory: Path, rounds: int) -> Iterator[Result]:
        with Stack(directory) as stack:
            yield compare("304", {"peer": ..., "ours": ...}, rounds)   # contenders in turn
            yield Distribution("commit to gone", "ms", {"ours": latencies, "peer": latencies_of_the_peer})

Titles are unique within a benchmark: the rows of ``bench/figures/targets.py`` find results by them. Both kinds keep all
values that were seen, so that a page can be made of nothing but the JSON (``bench.figures.page``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import ClassVar, NamedTuple


class Table(NamedTuple):
    """A table of text: its first row names the columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Comparison:
    """Figures of contenders that ran in turn, round after round. The one named first is the reference."""

    kind: ClassVar[str] = "comparison"

    title: str
    #: By contender and by name of the figure, which ends with its unit: the value of each round.
    figures: Mapping[str, Mapping[str, Sequence[float]]]

    @property
    def reference(self) -> str:
        """The contender that the others are compared with."""
        return next(iter(self.figures))

    @property
    def rounds(self) -> int:
        """The number of rounds."""
        return max(len(values) for measured in self.figures.values() for values in measured.values())

    def ratios(self, contender: str, figure: str) -> Sequence[float]:
        """Compute the ratio to the reference in each round; nothing where either lacks the figure or it is zero."""
        mine, theirs = (self.figures.get(name, {}).get(figure, ()) for name in (contender, self.reference))
        if contender == self.reference or not mine or not theirs or not all(theirs):
            return ()
        return [each / other for each, other in zip(mine, theirs, strict=True)]

    def table(self) -> Table:
        """Return median, spread and ratio of each figure."""
        rows = []
        for name, measured in self.figures.items():
            for figure, values in measured.items():
                ratios = self.ratios(name, figure)
                seen = (median(values), min(values), max(values))
                rows.append([name, figure, *map(short, seen), f"{median(ratios):.3f}" if ratios else ""])
        columns = ("", "figure", "median", "min", "max", f"ratio to {self.reference}")
        return Table(columns, rows)


@dataclass(frozen=True)
class Distribution:
    """Single times, or other samples, of contenders."""

    kind: ClassVar[str] = "distribution"

    title: str
    unit: str
    samples: Mapping[str, Sequence[float]]  # by contender

    def table(self) -> Table:
        """Return percentiles and the maximum of each contender."""
        rows = []
        for name, samples in self.samples.items():
            seen = [percentile(samples, percent) for percent in (50, 90, 99)]
            rows.append([name, str(len(samples)), *map(short, (*seen, max(samples)))])
        return Table(("", "samples", f"p50, {self.unit}", "p90", "p99", "max"), rows)


#: Measures a contender once, and returns its figures by names that end with their units.
Contender = Callable[[], Mapping[str, float]]


def compare(title: str, contenders: Mapping[str, Contender], rounds: int, warm_up: int = 1) -> Comparison:
    """Run each contender once a round, in turn, so that the noise of a shared machine hits all of them alike.

    The reference is named first. The figures of the first ``warm_up`` rounds are dropped.
    """
    seen: dict[str, dict[str, list[float]]] = {name: {} for name in contenders}
    for round_number in range(warm_up + rounds):
        for name, contender in contenders.items():
            for figure, value in contender().items():
                if round_number >= warm_up:
                    seen[name].setdefault(figure, []).append(value)
    return Comparison(title, seen)


Result = Comparison | Distribution
KINDS: Mapping[str, type[Result]] = {kind.kind: kind for kind in (Comparison, Distribution)}


def percentile(samples: Sequence[float], percent: int) -> float:
    """Compute a percentile, with linear interpolation between samples."""
    if len(samples) < 2:
        return samples[0]
    return quantiles(samples, n=100, method="inclusive")[percent - 1]


def spread(values: Sequence[float]) -> str:
    """Write the median of the rounds, and the least and the greatest where there are several."""
    return short(median(values)) + (f" ({short(min(values))} to {short(max(values))})" if len(values) > 1 else "")


def short(value: float) -> str:
    """Write a number with four significant digits, and large ones with separators of thousands."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
