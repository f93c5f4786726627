"""Tracks the requests of a plan that an edge has yet to acknowledge, and makes their batch headers."""

from dataclasses import dataclass, field

from purger.model import Position, ProbeResult
from purger.plan import Plan, Request, single_owners

#: Request headers: the position that the edge moves to, the one that it must be at, and the batch that a part is of.
BATCH, AFTER, PART = "Takedown-Batch", "Takedown-After", "Takedown-Part-Of"


def part_of(batch: int, at: Position | None) -> tuple[tuple[str, str], ...]:
    """Make the headers of a purge that is part of a batch: the edge keeps no answer from before that batch.

    An edge that is not ``at`` the position may be of another database by now, and then takes it for a purge by hand.
    """
    after = () if at is None else ((AFTER, str(at)),)
    return ((PART, str(batch)), *after)


@dataclass(slots=True)
class PlanRun:
    """A plan in progress; ``requests`` are those that the edge has yet to acknowledge."""

    plan: Plan
    requests: list[Request]
    probe_results: list[ProbeResult] = field(default_factory=list)

    def is_part(self, at: Position | None) -> tuple[tuple[str, str], ...]:
        """Make the headers that name the batch to which a request belongs, for an edge ``at`` a position."""
        return part_of(self.plan.last, at)

    def moves(self, at: Position | None) -> tuple[tuple[str, str], ...]:
        """Make the headers by which an edge ``at`` a position comes to the plan's last batch, unless it is beyond."""
        if at is None or at.batch >= self.plan.last or not self.plan.position:
            return self.is_part(at)
        return ((BATCH, self.plan.position), (AFTER, str(at)))

    def cut_list(self) -> bool:
        """Replace the first request by one for each owner in its list; return False when it is no list of owners."""
        singles = single_owners(self.requests[0])
        self.requests[:1] = singles or self.requests[:1]
        return bool(singles)

    def cut_lists(self) -> None:
        """Replace each list of owners by one request for each owner."""
        self.requests = [single for request in self.requests for single in single_owners(request) or [request]]
