"""What must stand in the database at the end: a receipt of each edge for each change, and none twice."""

from tests.chaos.judge import Violation
from tests.chaos.system import System


def receipt_violations(system: System) -> list[Violation]:
    """Batches that an edge has no receipt for, or two. Receipts are ranges of batches: they must join without gaps."""
    violations = []
    last = system.number("SELECT last_batch FROM numbering")
    for edge in system.edges:
        ranges = system.rows(
            f"SELECT first_batch, batch FROM receipts WHERE edge = '{edge.edge_name}' ORDER BY first_batch, batch"
        )
        # An edge that was added later than the first batches is flushed, which covers them.
        following = int(ranges[0][0]) if ranges else 1
        for first, until in ranges:
            if int(first) != following:
                text = f"receipts reach up to batch {following - 1}, and the next begins with {first}"
                violations.append(Violation("receipt", edge.edge_name, text))
            following = int(until) + 1
        if following != last + 1:
            text = f"receipts reach up to batch {following - 1}, the last one is {last}"
            violations.append(Violation("receipt", edge.edge_name, text))
    return violations
