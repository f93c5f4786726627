"""Keeps the requests of a plan that an edge has yet to acknowledge. Plans and sends nothing."""

from dataclasses import dataclass, field

from purger.edge.purge_request import Headers, Request, moving, part_of
from purger.model import Position, ProbeResult
from purger.outbox.plan import Plan


@dataclass(slots=True)
class PlanRun:
    """A plan in progress; ``requests`` are those that the edge has yet to acknowledge."""

    plan: Plan
    requests: list[Request]
    probe_results: list[ProbeResult] = field(default_factory=list)

    def part_headers(self, at: Position) -> Headers:
        """Make the headers that name the batch to which a request belongs, for an edge ``at`` a position."""
        return part_of(self.plan.last, at)

    def move_headers(self, at: Position) -> Headers:
        """Make the headers by which an edge ``at`` a position comes to the plan's last batch, unless it is beyond."""
        if at.batch >= self.plan.last or not self.plan.position:
            return self.part_headers(at)
        return moving(self.plan.position, at)
