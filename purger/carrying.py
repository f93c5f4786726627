"""Takes an edge through the requests of a plan, some at a time."""

from dataclasses import dataclass, field

from purger.model import Sighting
from purger.plan import Plan, Request, single_owners


@dataclass(slots=True)
class Carrying:
    """A plan on its way: ``requests`` are those that the edge has yet to acknowledge."""

    plan: Plan
    requests: list[Request]
    sightings: list[Sighting] = field(default_factory=list)

    def cut_list(self) -> bool:
        """Put single owners in the place of the first request; False when it is no list of owners."""
        singles = single_owners(self.requests[0])
        self.requests[:1] = singles or self.requests[:1]
        return bool(singles)

    def cut_lists(self) -> None:
        """Put single owners in the place of all lists of owners."""
        self.requests = [single for request in self.requests for single in single_owners(request) or [request]]
