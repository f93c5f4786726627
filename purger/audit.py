"""Asks every edge through its public listener for what is banned, and mends what is still served."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from purger.errors import UnreachableError
from purger.link import Link
from purger.model import Edge
from purger.probe import Probe

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Served:
    """A banned image that an edge showed."""

    edge: str
    code: str
    renditions: tuple[str, ...]


@dataclass(slots=True)
class Audit:
    """What an audit found. ``unreachable`` holds the reason by the name of each edge that gave no answer.

    5xx for a code is no answer, as it tells nothing of the image; such an edge is asked for the other codes too.
    """

    codes: int = 0
    edges: int = 0  # that were to be asked
    looks: int = 0
    served: list[Served] = field(default_factory=list)
    unreachable: dict[str, str] = field(default_factory=dict)
    disabled: tuple[str, ...] = ()  # edges that were not asked; browsers may still be answered by them


def audit(
    link: Link, probe: Probe, *, sample: int | None, progress: Callable[[], object] = lambda: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Audit:  # fmt: skip
    """Ask each enabled edge for banned codes and codes of banned owners: all of them, or ``sample`` from anywhere.

    What is served although it is banned is put into the outbox once more. ``progress`` is called after each code.
    Raises ``DatabaseUnavailableError``.
    """
    edges = [Edge(*row[:4]) for row in link.rows("edges")]
    found = Audit(edges=len(edges), disabled=tuple(str(row[0]) for row in link.rows("edge_list") if not row[4]))
    for code in banned_codes(link, sample):
        if stopped():
            break
        digests = dict(link.rows("digests", code=code))
        showing = list(_look(probe, edges, code, digests, found))
        # A lift since the list was read brings the image back by right.
        if showing and link.rows("banned", code=code)[0][0]:
            found.served += showing
            link.run("resend", code=code)
        found.codes += 1
        progress()
    return found


def banned_codes(link: Link, sample: int | None) -> Iterator[str]:
    """Codes that are banned, themselves or by their owner, each at least once: all, or ``sample`` from anywhere on.

    A sample begins at a ban chosen by chance and goes on from the first one at the end.
    """
    first, last = map(int, link.rows("audit_span")[0])
    if sample is None:
        yield from _codes_after(link, 0, last)
        return
    start = random.SystemRandom().randint(first, last) - 1
    left = sample
    for after, until in ((start, last), (0, start)):
        for code in _codes_after(link, after, until):
            if left <= 0:
                return
            left -= 1
            yield code


def _codes_after(link: Link, after: int, until: int) -> Iterator[str]:
    while page := link.rows("audit_bans", after=after, limit=_PAGE):
        for ban, scope, subject in page:
            if ban > until:
                return
            if scope == "image":
                yield subject
            else:
                yield from _codes_of(link, subject)
        after = page[-1][0]


def _codes_of(link: Link, owner: str) -> Iterator[str]:
    code = ""
    while page := link.rows("images_of", owner=owner, after=code, limit=_PAGE):
        for (code,) in page:
            yield code


def _look(probe: Probe, edges: list[Edge], code: str, digests: dict[str, str], found: Audit) -> Iterator[Served]:
    """Ask ``edges`` for one code; those that cannot be reached leave the list: each further look would wait as long."""
    for edge in list(edges):
        try:
            look = probe.look(edge.public_url, code, digests)
        except UnreachableError as error:
            found.unreachable[edge.name] = str(error)
            edges.remove(edge)
            continue
        if look.failing is not None and not look.served:
            found.unreachable.setdefault(edge.name, f"the edge answered {look.failing}")
            continue
        found.looks += 1
        if look.served:
            yield Served(edge.name, code, look.served)
