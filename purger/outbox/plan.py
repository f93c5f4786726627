"""Plans the fewest requests that purge the subjects of outbox rows at an edge. Pure: sends and remembers nothing.

A purge names tags: ``i:`` with a code, ``o:`` with an owner's key, ``d:`` with a digest, as many as fit into a header
and in any mixture. Each object at an edge carries the tags of its image, and a purge removes the objects of its tags.
So a ban takes the same way whatever its scope.

A purge may also repeat fetches in flight: those of images in its group, by scope and last character of the subject, or
of all images if its tags are of several groups (``varnish/takedown/fence.vcl``). So a few subjects go apart. A bulk is
of all groups anyway, and its lists are filled as the subjects come.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

from purger.edge.purge_request import Request, purge
from purger.model import Position, Row

#: Most subjects of one delivery that go in a request each, so that the answer tells how many objects one of them had,
#: and that few fetches are repeated. At an edge on another continent these requests take most of G1's second.
APART = 4

#: Most bytes in one list of tags. Varnish takes header lines of 8 KB (http_req_hdr_len).
LIST_BYTES = 7000

#: Causes of rows that a person waits for. Changes of images are sent after these.
URGENT = frozenset({"ban", "lift", "unban", "resend"})

#: Most subjects of one delivery all of which are probed at the edge's public listener; of more, so many bans are.
PROBED, SAMPLE = 20, 3


@dataclass(frozen=True, slots=True)
class DeliveryPlan:
    """The requests that bring an edge from batch ``first`` - 1 to batch ``last``."""

    first: int
    last: int
    position: str  # of an edge that has carried it out, as in 17:6f0c; empty: it brings no edge to a batch
    rows: int  # that it was made of
    requests: tuple[Request, ...]
    sample: tuple[Row, ...]  # rows to probe at the public listener, the newest first


def make_plan(
    rows: Sequence[Row],
    first: int,
    last: int,
    *,
    identity: str | None = None,
    urgent: Container[int] = (),
    apart: int = APART,
) -> DeliveryPlan:
    """Plan the delivery of ``rows``, the outbox from batch ``first`` to ``last``, whatever their order.

    Each subject is sent once, up to ``apart`` of them in a request each. Rows whose ids are ``urgent`` come first, then
    other bans, then changes of images, so that neither a bulk nor an import keeps a single ban waiting. ``identity`` is
    that of the batch ``last``; None: ``rows`` are not all rows of these batches.
    """
    found: dict[str, list[Row]] = {}  # by tag
    for row in sorted(rows, key=lambda row: (row.id not in urgent, row.cause not in URGENT)):
        found.setdefault(f"{row.scope[0]}:{row.subject}", []).append(row)
    if len(found) <= apart:
        requests = [
            purge(tag, tuple(row for row in of_subject if row.cause in URGENT)) for tag, of_subject in found.items()
        ]
    else:
        requests = [purge(tags) for tags in _lists(found)]
    # All rows of a subject, as a lift between two bans may be of one of them only.
    bans = [row for of_subject in found.values() for row in of_subject if row.cause in ("ban", "resend")]
    bans.sort(key=lambda row: -row.batch)
    return DeliveryPlan(
        first=first,
        last=last,
        position="" if identity is None else str(Position(last, identity)),
        rows=len(rows),
        requests=tuple(requests),
        sample=tuple(bans[: PROBED if len(found) <= PROBED else SAMPLE]),
    )


def _lists(tags: Iterable[str]) -> Iterator[str]:
    """Join tags with commas, to lists of at most ``LIST_BYTES``."""
    size, chosen = 0, list[str]()
    for tag in tags:
        if chosen and size + len(tag) > LIST_BYTES:
            yield ",".join(chosen)
            size, chosen = 0, []
        chosen.append(tag)
        size += len(tag) + 1
    if chosen:
        yield ",".join(chosen)
