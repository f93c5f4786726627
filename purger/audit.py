"""Asks every edge through its public listener for what is banned, and mends what is still served."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from purger.edge_renditions import ask_renditions, edges_to_probe
from purger.errors import UnreachableError
from purger.model import Edge
from purger.owner_images import codes_of
from purger.probe import Probe, ProbeAnswer
from purger.probe_verdict import Proof
from takedown_db.connection import Connection

_PAGE = 500

#: Codes of which something is not proven that are named; all are counted.
_NAMED = 1000


@dataclass(frozen=True, slots=True)
class Served:
    """A banned image that an edge showed."""

    edge: str
    code: str
    renditions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unproven:
    """A banned image of which an edge showed nothing, and did not prove it either."""

    edge: str
    code: str
    said: str  # what came, in words
    again: bool  # the bytes may be those of a replaced image: it is purged again


@dataclass(slots=True)
class Audit:
    """What an audit found. ``unreachable`` holds the reason by the name of each edge that gave no answer.

    5xx for a code is no answer, as it tells nothing of the image; such an edge is asked for the other codes too.
    """

    codes: int = 0
    edges: int = 0  # that were to be asked
    looks: int = 0
    served: list[Served] = field(default_factory=list)
    not_proven: int = 0  # looks
    unproven: list[Unproven] = field(default_factory=list)  # the first of them
    unreachable: dict[str, str] = field(default_factory=dict)
    unnamed: tuple[str, ...] = ()  # edges that do not name their renditions: those in the database were asked for
    disabled: tuple[str, ...] = ()  # edges that were not asked; browsers may still be answered by them


@dataclass(frozen=True, slots=True)
class _Probed:
    edge: Edge
    renditions: tuple[str, ...] | None


def audit(
    connection: Connection,
    probe: Probe,
    *,
    sample: int | None,
    progress: Callable[[], object] = lambda: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Audit:
    """Ask each enabled edge for banned codes and codes of banned owners: all of them, or ``sample`` from anywhere.

    What is served although it is banned is put into the outbox once more. ``progress`` is called after each code.
    Raises ``DatabaseUnavailableError``.
    """
    asked = [_Probed(edge, ask_renditions(edge)) for edge in edges_to_probe(connection)]
    found = Audit(
        edges=len(asked),
        unnamed=tuple(each.edge.name for each in asked if each.renditions is None),
        disabled=tuple(str(row[0]) for row in connection.rows("list_edges") if not row[4]),
    )
    for code in banned_codes(connection, sample):
        if stopped():
            break
        looks = list(_look(probe, asked, code, dict(connection.rows("rendition_digests", code=code)), found))
        # A lift since the list was read brings the image back by right.
        if looks and connection.rows("is_banned", code=code)[0][0]:
            _note(found, code, looks)
            if any(look.proof in (Proof.SHOWN, Proof.FOREIGN) for _, look in looks):
                connection.run("resend_image", code=code)
        found.codes += 1
        progress()
    return found


def banned_codes(connection: Connection, sample: int | None) -> Iterator[str]:
    """Codes that are banned, themselves or by their owner, each at least once: all, or ``sample`` from anywhere on.

    A sample begins at a ban chosen by chance and goes on from the first one at the end.
    """
    first, last = map(int, connection.rows("ban_id_span")[0])
    if sample is None:
        yield from _codes_after(connection, 0, last)
        return
    start = random.SystemRandom().randint(first, last) - 1
    left = sample
    for after, until in ((start, last), (0, start)):
        for code in _codes_after(connection, after, until):
            if left <= 0:
                return
            left -= 1
            yield code


def _codes_after(connection: Connection, after: int, until: int) -> Iterator[str]:
    while page := connection.rows("open_bans_page", after=after, limit=_PAGE):
        for ban, scope, subject in page:
            if ban > until:
                return
            if scope == "image":
                yield subject
            else:
                yield from codes_of(connection, subject)
        after = page[-1][0]


def _look(
    probe: Probe, asked: list[_Probed], code: str, digests: dict[str, str], found: Audit
) -> Iterator[tuple[str, ProbeAnswer]]:
    """Ask the edges for one code; yield the looks that did not prove it gone, with the edge's name.

    Edges that cannot be reached leave the list: each further look would wait as long.
    """
    for each in list(asked):
        name = each.edge.name
        try:
            look = probe.look(each.edge.public_url, code, digests, each.renditions)
        except UnreachableError as error:
            found.unreachable[name] = str(error)
            asked.remove(each)
            continue
        if look.proof is Proof.FAILING:
            found.unreachable.setdefault(name, look.said)
            continue
        found.looks += 1
        if look.proof is not Proof.GONE:
            yield name, look


def _note(found: Audit, code: str, looks: list[tuple[str, ProbeAnswer]]) -> None:
    for edge, look in looks:
        if look.proof is Proof.SHOWN:
            found.served.append(Served(edge, code, look.served))
            continue
        found.not_proven += 1
        if len(found.unproven) < _NAMED:
            found.unproven.append(Unproven(edge, code, look.said, look.proof is Proof.FOREIGN))
