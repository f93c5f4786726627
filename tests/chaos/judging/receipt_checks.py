"""Check receipts: each edge has one for each change, none twice, and no read contradicts one."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from tests.chaos.history import BANNED, Change, History, Read, Window, clock
from tests.chaos.judging.judge import Violation
from tests.chaos.pictures.site_pictures import PREFIX
from tests.chaos.system.system_with_proxies import System

Gone = Mapping[tuple[str, str], Sequence[float]]  # times at which a probe found an image gone, by edge and code or URL

#: Largest difference, in seconds, between the two clocks that are compared.
_ROUNDING = 0.01
#: Of a picture of the site a ban by content is proven for the URL with this content, and its thumbnail has another.
_SEEN_GONE = f"""
SELECT sightings.edge,
    CASE WHEN scope = 'image' THEN subject WHEN code LIKE '{PREFIX}%' THEN CONCAT('/files/', code) ELSE code END,
    seen_at
FROM sightings JOIN invalidations ON invalidations.id = sightings.invalidation
WHERE gone AND cause = 'ban' AND (scope = 'image' OR code <> '')
"""


def receipt_violations(system: System) -> list[Violation]:
    """Return a violation for each batch without a receipt of an edge, or with two of purges."""
    last = system.number("SELECT last_batch FROM numbering")
    return [violation for edge in system.edges for violation in _of_edge(system, edge.edge_name, last)]


def _of_edge(system: System, edge: str, last: int) -> Iterator[Violation]:
    """Check that an edge's receipts, ranges of batches, join without gaps. A flush after a setback covers all again."""
    ranges = system.rows(
        f"SELECT first_batch, batch, method FROM receipts WHERE edge = '{edge}' ORDER BY first_batch, batch"
    )
    # An edge that was added later than the first batches is flushed, which covers them.
    covered = purged = int(ranges[0][0]) - 1 if ranges else 0
    for first, until, method in ranges:
        if int(first) > covered + 1:
            yield Violation("receipt", edge, f"receipts reach up to batch {covered}, and the next begins with {first}")
        if method != "flush":
            if int(first) <= purged:
                yield Violation("receipt", edge, f"receipts of purges reach up to {purged}, and another has {first}")
            purged = max(purged, int(until))
        covered = max(covered, int(until))
    if covered != last:
        yield Violation("receipt", edge, f"receipts reach up to batch {covered}, the last one is {last}")


def read_gone(system: System) -> Gone:
    """Read the times at which probes found images gone, in seconds of the history's clock."""
    ahead = time.time() - clock()
    gone: dict[tuple[str, str], list[float]] = {}
    for edge, code, seen_at in system.rows(_SEEN_GONE):
        assert isinstance(seen_at, datetime)
        gone.setdefault((str(edge), str(code)), []).append(seen_at.replace(tzinfo=UTC).timestamp() - ahead)
    return gone


def contradictions(gone: Gone, reads: Iterable[Read], history: History) -> list[Violation]:
    """Return a violation for each read of a banned image that came after a receipt of its removal at that edge.

    Reads during a fault that revives images do not count: no receipt can show it.
    """
    changes = history.copy_changes()
    violations = []
    for read in reads:
        if not isinstance(read.saw, int) or read.saw == BANNED:
            continue
        banned = _banned_since(changes.get(read.code, []), read)
        named = (read.code, read.path.partition(" ")[0])
        seen = [at for name in named for at in gone.get((read.edge, name), ()) if banned <= at < read.sent - _ROUNDING]
        if seen and not any(_explains(window, read) for window in history.windows):
            text = f"version {read.saw} shown {read.sent - min(seen):.3f} s after a receipt that it is gone"
            violations.append(Violation("receipt", read.edge, text, read))
    return violations


def _banned_since(changes: Sequence[Change], read: Read) -> float:
    """When the ban was sent that held all the while that a read took; infinity if there was none."""
    since = float("inf")
    for change in changes:
        if change.sent > read.answered:
            break
        if change.state != BANNED:
            since = float("inf")
        elif change.returned <= read.sent:
            since = min(since, change.sent)
    return since


def _explains(window: Window, read: Read) -> bool:
    return window.revives and window.touches(read.edge) and window.start <= read.answered and read.sent <= window.end
