"""Shows the overview: edges, purgers, the latest takedowns and their latency."""

from typing import Any

from purger.console import charts
from purger.console.access import Visitor
from purger.console.templating import render
from purger.console.watch import FleetWatch, Overview
from purger.console.web import Answer, page
from purger.fleet_state import FleetState
from purger.text_format import counted

#: Edges that the page lists; those with problems come first.
_EDGES = 200


class OverviewPage:
    """The page ``/``, and the part of it that is loaded again."""

    def __init__(self, watch: FleetWatch, *, moderation: bool) -> None:
        """Take the watch. ``moderation``: the console has moderation's account."""
        self._watch = watch
        self._moderation = moderation

    def show(self, environ: dict[str, Any], visitor: Visitor) -> Answer:  # noqa: ARG002 (as all pages)
        """Answer ``/``."""
        return page(render("overview", visitor=visitor, moderation=self._moderation, **self._values()))

    def show_part(self, environ: dict[str, Any], visitor: Visitor) -> Answer:  # noqa: ARG002
        """Answer with the part that changes."""
        return page(render("overview_part", visitor=visitor, **self._values()))

    def _values(self) -> dict[str, Any]:
        overview = self._watch.look()
        if overview is None:
            return {"overview": None, "verdict": ("unknown", "Not known yet: the first look takes its time.")}
        state, latencies = overview.state, overview.takedowns.latencies
        edges = sorted(state.edges, key=lambda edge: (edge.mode == "trusted" and not edge.problem, edge.name))
        names = {purger.id: purger.name for purger in state.purgers if purger.alive}
        remedies = {edge.name: _remedy(overview, edge.name) for edge in edges}
        return {
            "overview": overview,
            "verdict": _verdict(overview),
            "edges": edges[:_EDGES],
            "more_edges": max(0, len(edges) - _EDGES),
            "purger_names": names,
            "remedies": remedies,
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
    on_the_way = state.pending or _waiting(state)
    if on_the_way:
        return "busy", f"On its way: {_backlog(state)}."
    return "ok", f"Yes. {counted(len(state.edges), 'edge')} acknowledged everything, and {_trust(len(state.edges))}."


def _waiting(state: FleetState) -> int:
    return sum(edge.lag > 0 for edge in state.edges)


def _backlog(state: FleetState) -> str:
    said = [f"{counted(state.pending, 'change')} without a number"] if state.pending else []
    behind, most = _waiting(state), max((edge.lag for edge in state.edges), default=0)
    if behind:
        said.append(f"{counted(behind, 'edge')} up to {counted(most, 'batch', 'batches')} behind")
    return ", ".join(said)


def _trust(edges: int) -> str:
    return "trusts its cache" if edges == 1 else "trust their caches"


def _remedy(overview: Overview, name: str) -> str:
    """Find the remedy of an edge's problem among those of the fleet."""
    start = f"edge {name}"
    texts = (each.do for each in overview.problems if each.what.startswith((f"{start}:", f"{start} ")))
    return next(texts, "")
