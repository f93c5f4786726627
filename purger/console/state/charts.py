"""Draws the latency of takedowns as SVG: over time, and as a histogram. Pure functions, without any style inside."""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape

from purger.console.state.takedowns import Latency
from purger.text_format import duration

#: The width and height of a chart, and its margins (left, right, top, bottom), in units of its own.
_WIDTH, _HEIGHT = 460, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 10, 26
_INNER = _WIDTH - _LEFT - _RIGHT

#: The promise: seconds after which a takedown is late.
PROMISED = 1.0

#: The steps of the scale of times, in seconds.
_STEPS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)

#: The bounds of the histogram's bars, in seconds.
_BOUNDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


def quantile(latencies: Sequence[Latency], part: float) -> float:
    """Return the time within which that part of the takedowns was over (nearest rank). There is one at least."""
    ranked = sorted(each.seconds for each in latencies)
    return ranked[max(0, math.ceil(part * len(ranked)) - 1)]


def summary(latencies: Sequence[Latency]) -> str:
    """Sum up latencies in one line."""
    if not latencies:
        return "no takedown yet"
    late = sum(each.seconds > PROMISED for each in latencies)
    texts = (f"{name} {duration(quantile(latencies, part))}" for name, part in (("median", 0.5), ("99 %", 0.99)))
    slowest = duration(max(each.seconds for each in latencies))
    said = f"{', '.join(texts)}, slowest {slowest}, of {len(latencies)}"
    return f"{said}; {late} later than {PROMISED:g} s" if late else said


def over_time(latencies: Sequence[Latency]) -> str:
    """Draw a dot for each takedown: its time from left to right, its latency upwards, by powers of ten."""
    begin, end = latencies[0].at, latencies[-1].at
    span = max(1.0, (end - begin).total_seconds())
    longest = max(each.seconds for each in latencies)
    steps = [step for step in _STEPS if step <= max(PROMISED, longest * 10)]
    parts = [_level(step, _y(step, steps)) for step in steps]
    for each in latencies:
        x = _LEFT + 6 + (_INNER - 12) * ((each.at - begin).total_seconds() / span)
        late = " late" if each.seconds > PROMISED else ""
        parts.append(f'<circle class="dot{late}" cx="{x:.1f}" cy="{_y(each.seconds, steps):.1f}" r="2.5"/>')
    parts += _times(begin, end)
    return _chart("Seconds from each ban to the last edge's acknowledgement, over time", summary(latencies), parts)


def histogram(latencies: Sequence[Latency]) -> str:
    """Draw the number of takedowns by their latency."""
    counts = [0] * (len(_BOUNDS) + 1)
    for each in latencies:
        counts[sum(each.seconds > bound for bound in _BOUNDS)] += 1
    most, width = max(counts), _INNER / len(counts)
    bottom = _HEIGHT - _BOTTOM
    parts = [f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{bottom}" y2="{bottom}"/>']
    for place, count in enumerate(counts):
        x, height = _LEFT + place * width, (bottom - _TOP - 14) * count / most
        late = " late" if place > _BOUNDS.index(PROMISED) else ""
        if count:
            parts.append(
                f'<rect class="bar{late}" x="{x + 2:.1f}" y="{bottom - height:.1f}" width="{width - 4:.1f}" '
                f'height="{height:.1f}"/>'
                f'<text class="count" x="{x + width / 2:.1f}" y="{bottom - height - 4:.1f}">{count}</text>'
            )
        if place % 2 and place < len(_BOUNDS):
            label = duration(_BOUNDS[place])
            parts.append(f'<text class="tick" x="{x + width:.1f}" y="{bottom + 16}">{label}</text>')
    return _chart("Number of takedowns by seconds to the last edge's acknowledgement", summary(latencies), parts)


def _chart(title: str, description: str, parts: Sequence[str]) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}: '
        f'{escape(description)}">{"".join(parts)}</svg>'
    )


def _y(seconds: float, steps: Sequence[float]) -> float:
    """Place a time between the first and the last step."""
    low, high = math.log10(steps[0]), math.log10(steps[-1])
    part = (math.log10(max(seconds, steps[0])) - low) / (high - low)
    return _HEIGHT - _BOTTOM - min(1.0, part) * (_HEIGHT - _TOP - _BOTTOM)


def _level(step: float, y: float) -> str:
    promise = " promise" if step == PROMISED else ""
    return (
        f'<line class="level{promise}" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="step" x="{_LEFT - 6}" y="{y + 4:.1f}">{duration(step)}</text>'
    )


def _times(begin: datetime, end: datetime) -> Iterator[str]:
    form = (
        "%H:%M:%S" if (end - begin).total_seconds() < 600 else "%H:%M" if begin.date() == end.date() else "%m-%d %H:%M"
    )
    yield f'<text class="first" x="{_LEFT}" y="{_HEIGHT - 8}">{begin:{form}}</text>'
    if end > begin:
        yield f'<text class="last" x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 8}">{end:{form}}</text>'
