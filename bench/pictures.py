"""Draws the results of benchmarks as SVG. Needs matplotlib, which ``./dev bench`` installs."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import matplotlib as mpl

mpl.use("svg")  # before pyplot: no display is needed

from matplotlib import pyplot

from bench.results import Comparison, Curves, Distribution, Result, Steps, percentile, short

#: Text stays text: it can be searched, and takes the reader's fonts. The salt makes equal pictures equal files.
_STYLE: Mapping[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "bench",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.3,
    "figure.constrained_layout.use": True,
}
_WIDTH = 8.0  # inches

_T = TypeVar("_T")

#: Most points in a line: more would not be seen.
_POINTS = 300


def draw(result: Result, file: Path) -> None:
    """Draw a result into an SVG file."""
    with mpl.rc_context(dict(_STYLE)):
        figure = _DRAWINGS[type(result)](result)
        figure.savefig(file, format="svg", metadata={"Date": None})
        pyplot.close(figure)


def _comparison(result: Comparison) -> Any:
    """Draw bars of the medians with their spreads, in one panel a figure."""
    names = list(dict.fromkeys(figure for measured in result.figures.values() for figure in measured))
    height = 0.8 + sum(0.5 + 0.3 * sum(name in each for each in result.figures.values()) for name in names)
    figure, panels = pyplot.subplots(len(names), 1, figsize=(_WIDTH, height), squeeze=False)
    figure.suptitle(f"{result.title} ({result.rounds} rounds; bars: medians, whiskers: smallest and largest)")
    for name, panel in zip(names, panels[:, 0], strict=True):
        shown = {each: measured[name] for each, measured in result.figures.items() if name in measured}
        middles = [median(values) for values in shown.values()]
        below = [middle - min(values) for middle, values in zip(middles, shown.values(), strict=True)]
        above = [max(values) - middle for middle, values in zip(middles, shown.values(), strict=True)]
        colours = [f"C{list(result.figures).index(each)}" for each in shown]
        panel.barh(list(shown), middles, xerr=[below, above], color=colours, capsize=3, height=0.6)
        for place, middle in enumerate(middles):
            panel.annotate(f" {short(middle)}", (middle, place), xytext=(0, 9), textcoords="offset points", fontsize=8)
        panel.set_xlabel(name)
        panel.set_xlim(left=0)
        panel.invert_yaxis()
        panel.grid(axis="y", visible=False)
    return figure


def _distribution(result: Distribution) -> Any:
    """Draw the share of samples up to each value, with the 99th percentile and the maximum marked."""
    figure, panel = pyplot.subplots(figsize=(_WIDTH, 4.2))
    for name, samples in result.samples.items():
        ordered = sorted(samples)
        share = [100 * (place + 1) / len(ordered) for place in range(len(ordered))]
        p99 = percentile(ordered, 99)
        label = f"{name}: p50 {short(percentile(ordered, 50))}, p99 {short(p99)}, max {short(ordered[-1])}"
        (line,) = panel.plot(_thinned(ordered), _thinned(share), drawstyle="steps-post", label=label)
        panel.plot([p99, ordered[-1]], [99, 100], "o", color=line.get_color(), markersize=4)
    panel.set_xscale("log")
    panel.set_xlabel(f"{result.unit} (logarithmic; dots: p99 and maximum)")
    panel.set_ylabel("% of samples up to this")
    panel.set_title(result.title)
    panel.legend(loc="lower right", fontsize=8)
    return figure


def _steps(result: Steps) -> Any:
    """Draw the median of each step in one stacked bar a contender."""
    figure, panel = pyplot.subplots(figsize=(_WIDTH, 1.8 + 0.5 * len(result.steps)))
    names = list(dict.fromkeys(step for steps in result.steps.values() for step in steps))
    left = dict.fromkeys(result.steps, 0.0)
    for place, step in enumerate(names):
        widths = {each: median(steps[step]) for each, steps in result.steps.items() if step in steps}
        bars = panel.barh(
            list(widths), list(widths.values()), left=[left[each] for each in widths], label=step, color=f"C{place}"
        )
        panel.bar_label(bars, [f"{width:.2g}" for width in widths.values()], label_type="center", fontsize=8)
        left |= {each: left[each] + width for each, width in widths.items()}
    panel.set_xlabel(f"{result.unit}, median of each step")
    panel.set_title(result.title)
    panel.grid(axis="y", visible=False)
    panel.invert_yaxis()
    figure.legend(loc="outside lower center", ncols=min(len(names), 4), fontsize=8)
    return figure


def _curves(result: Curves) -> Any:
    figure, panel = pyplot.subplots(figsize=(_WIDTH, 4.2))
    few = max(len(line) for line in result.lines.values()) <= 20
    for name, line in result.lines.items():
        points = _thinned(line)
        panel.plot([x for x, _ in points], [y for _, y in points], marker="o" if few else None, label=name)
    panel.set_xscale("log" if result.log_x else "linear")
    panel.set_yscale("log" if result.log_y else "linear")
    if not result.log_y:
        panel.set_ylim(bottom=0)
    panel.set_xlabel(result.x)
    panel.set_ylabel(result.y)
    panel.set_title(result.title)
    panel.legend(fontsize=8)
    return figure


def _thinned(points: Sequence[_T]) -> list[_T]:
    """Leave out points of which there are too many to be seen; the first and the last stay."""
    step = max(1, len(points) // _POINTS)
    return [*points[:-1:step], points[-1]]


_DRAWINGS: Mapping[type[Result], Callable[[Any], Any]] = {
    Comparison: _comparison,
    Distribution: _distribution,
    Steps: _steps,
    Curves: _curves,
}
