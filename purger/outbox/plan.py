"""Plans the fewest requests that purge the subjects of outbox rows at an edge. Pure: sends and remembers nothing.

A few codes go as a PURGE each: its answer counts the objects that it removed. More codes, and all owners and digests,
go as BANs of lists. The edge tests every hit against each BAN, so that few long lists are better than many short ones.
But a purge may repeat fetches in flight: those of images in its group, by the last character of the subject, or of all
images if its list is mixed (``varnish/takedown/fence.vcl``). So the subjects of a list have the same last character,
unless that takes more requests than the edge can answer in a fraction of a second.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from purger.edge.purge_request import Request
from purger.model import Position, Row
from takedown_base.scope import Scope

#: Most codes in one delivery that are sent as a PURGE each; more go as BANs. The answer to a PURGE counts the objects
#: that it removed, and a PURGE adds nothing to the edge's list of bans; a BAN takes hundreds of codes in the same time.
SINGLES = 20

#: Most bytes in one list of codes, owners or digests. Varnish takes header lines of 8 KB (http_req_hdr_len).
LIST_BYTES = 7000

#: The header of a list of subjects, by scope.
_LISTS: dict[str, str] = {
    Scope.IMAGE: "Takedown-Codes",
    Scope.OWNER: "Takedown-Owners",
    Scope.DIGEST: "Takedown-Digests",
}

#: Causes of rows that a person waits for. Changes of images are sent after these.
URGENT = frozenset({"ban", "lift", "unban", "resend"})

#: Longest time in seconds that the requests of one delivery should take together.
DELIVERY = 0.2

#: Rows of one delivery by BAN that are probed at the edge's public listener afterwards.
SAMPLE = 3


@dataclass(frozen=True, slots=True)
class DeliveryPlan:
    """The requests that bring an edge from batch ``first`` - 1 to batch ``last``."""

    first: int
    last: int
    position: str  # of an edge that has carried it out, as in 17:6f0c; empty: it brings no edge to a batch
    method: str  # purge, or ban when there is any BAN in it
    requests: tuple[Request, ...]
    sample: tuple[Row, ...]  # rows to probe at the public listener


def affordable(seconds: float) -> int:
    """Compute the number of requests in one delivery to an edge that takes ``seconds`` for one: 1, 4, 16, 64 or 256.

    All of them should be over within a fraction of G1's second, also at an edge on another continent.
    """
    return max(count for count in (1, 4, 16, 64, 256) if count == 1 or count * seconds <= DELIVERY)


def make_plan(
    rows: Sequence[Row], first: int, last: int, requests_wanted: int = 256, *, identity: str | None = None
) -> DeliveryPlan:
    """Plan the delivery of ``rows``, the outbox from batch ``first`` to ``last``, whatever their order.

    Each subject is sent once. Bans come before changes of images, so that an import does not keep one waiting. When the
    subjects of a scope would take more requests than are wanted, they go in as few lists as they fit in. ``identity``
    is that of the batch ``last``; None: ``rows`` are not all rows of these batches.
    """
    found = _by_scope(sorted(rows, key=_of_an_image))
    # The scope with the fewest subjects comes first: beside a bulk of another one, a person waits for a single ban.
    scopes = sorted(found, key=lambda scope: len(found[scope]))
    requests = [request for scope in scopes for request in _requests(scope, found[scope], requests_wanted)]
    # All rows of a subject, as a lift between two bans may be of one of them only.
    bans = [
        row
        for scope in scopes
        for of_subject in found[scope].values()
        for row in of_subject
        if row.cause in ("ban", "resend")
    ]
    few = sum(map(len, found.values())) <= SINGLES
    return DeliveryPlan(
        first=first,
        last=last,
        position="" if identity is None else str(Position(last, identity)),
        method="purge" if all(request.method == "PURGE" for request in requests) else "ban",
        requests=tuple(requests),
        sample=tuple(bans[: SINGLES if few else SAMPLE]),
    )


def _requests(scope: str, subjects: Mapping[str, list[Row]], wanted: int) -> list[Request]:
    """Make the requests for all subjects of one scope: a few codes go one by one, all others in lists."""
    if scope == Scope.IMAGE and len(subjects) <= min(SINGLES, wanted):
        return _purges(subjects)
    return _bans(_LISTS[scope], subjects, wanted)


def _purges(codes: Mapping[str, list[Row]]) -> list[Request]:
    return [
        Request("PURGE", f"/images/{code}", rows=tuple(row for row in found if not _of_an_image(row)))
        for code, found in codes.items()
    ]


def _bans(header: str, subjects: Collection[str], wanted: int) -> list[Request]:
    lists = list(alike_lists(subjects))
    if len(lists) > wanted:
        lists = list(_cut(subjects))
    return [Request("BAN", "/", ((header, text),)) for text in lists]


def alike_lists(subjects: Iterable[str]) -> Iterator[str]:
    """Cut subjects of a scope into comma-separated lists of at most ``LIST_BYTES``, each with one last character.

    The edge's fence has a mark for each last character. A mixed list marks all images.
    """
    groups: dict[str, list[str]] = {}
    for subject in subjects:
        groups.setdefault(subject[-1], []).append(subject)
    for group in groups.values():
        yield from _cut(group)


def _cut(subjects: Iterable[str]) -> Iterator[str]:
    size, chosen = 0, list[str]()
    for subject in subjects:
        if chosen and size + len(subject) + 1 > LIST_BYTES:
            yield ",".join(chosen)
            size, chosen = 0, []
        chosen.append(subject)
        size += len(subject) + 1
    if chosen:
        yield ",".join(chosen)


def _of_an_image(row: Row) -> bool:
    return row.cause not in URGENT


def _by_scope(rows: Iterable[Row]) -> dict[str, dict[str, list[Row]]]:
    """Group rows by scope, in the order of ``Scope``, and by subject, in the order of the rows."""
    found: dict[str, dict[str, list[Row]]] = {scope: {} for scope in Scope}
    for row in rows:
        found[row.scope].setdefault(row.subject, []).append(row)
    return found
