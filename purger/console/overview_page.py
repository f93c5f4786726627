"""Shows the overview: edges, purgers, the latest takedowns and their latency."""

from datetime import UTC, datetime
from typing import Any

from purger.console.state import charts
from purger.console.state.watch import FleetWatch, Overview
from purger.console.templating import render, utc
from purger.console.web import Answer, Request, page
from purger.fleet.state import FleetState
from purger.text_format import counted

#: Edges that the page lists; those with problems come first.
_EDGES = 200

#: Seconds after which an overview says nothing about now: the longest time between two reads of a large fleet that
#: gives no answer.
_FRESH = 20.0


class OverviewPage:
    """The page ``/``, and the part of it that is loaded again."""

    def __init__(self, watch: FleetWatch, *, moderation: bool) -> None:
        """Take the watch. ``moderation``: the console has moderation's account."""
        self._watch = watch
        self._moderation = moderation
        self._rendered: tuple[object, str] | None = None

    def show(self, request: Request) -> Answer:
        """Answer ``/``."""
        return page(render("overview", visitor=request.visitor, moderation=self._moderation, part=self._part()))

    def show_part(self, _request: Request) -> Answer:
        """Answer with the part that changes."""
        return page(self._part())

    def _part(self) -> str:
        """Render the part that changes, once for all viewers of one state."""
        overview = self._watch.latest()
        age = (datetime.now(UTC).replace(tzinfo=None) - overview.at).total_seconds() if overview else 0.0
        state, rendered = (overview, age > _FRESH), self._rendered
        if rendered is None or rendered[0] != state:
            self._rendered = rendered = (state, render("overview_part", **_values(overview, is_old=age > _FRESH)))
        return rendered[1]


def _values(overview: Overview | None, *, is_old: bool = False) -> dict[str, Any]:
    if overview is None:
        return {"overview": None, "verdict": ("unknown", "Not known yet: the state is being read.")}
    state, latencies = overview.state, overview.takedowns.latencies
    edges = sorted(state.edges, key=lambda edge: (edge.mode == "trusted" and not edge.problem, edge.name))
    names = {purger.id: purger.name for purger in state.purgers if purger.alive}
    return {
        "overview": overview,
        "verdict": ("unknown", f"Not known since {utc(overview.at)}.") if is_old else _verdict(overview),
        "edges": edges[:_EDGES],
        "more_edges": max(0, len(edges) - _EDGES),
        "purger_names": names,
        # Of several problems of one edge the first one's.
        "remedies": {each.edge: each.do for each in reversed(overview.problems) if each.edge is not None},
        "over_time": charts.over_time(latencies) if latencies else "",
        "histogram": charts.histogram(latencies) if latencies else "",
        "latency": charts.summary(latencies),
    }


def _verdict(overview: Overview) -> tuple[str, str]:
    """Answer whether all that was banned is gone everywhere, in a word and a sentence."""
    state = overview.state
    if overview.problems:
        number = counted(len(overview.problems), "problem")
        return "problem", f"Not certain: {number}."
    if on_the_way := _backlog(state) or _newer(overview):
        return "busy", f"On its way: {on_the_way}."
    trust = "trusts its cache" if len(state.edges) == 1 else "trust their caches"
    return "ok", f"Yes. {counted(len(state.edges), 'edge')} acknowledged everything, and {trust}."


def _backlog(state: FleetState) -> str:
    said = [f"{counted(state.pending, 'change')} without a number"] if state.pending else []
    if lags := [edge.lag for edge in state.edges if edge.lag > 0]:
        said.append(f"{counted(len(lags), 'edge')} up to {counted(max(lags), 'batch', 'batches')} behind")
    return ", ".join(said)


def _newer(overview: Overview) -> str:
    """Count the takedowns that were written after the state of the edges was read."""
    reached = min((edge.acknowledged for edge in overview.state.edges), default=0)
    listed = overview.takedowns.listed
    newer = sum(each.written and (each.batch is None or each.batch > reached) for each in listed)
    return counted(newer, "takedown") if newer else ""
