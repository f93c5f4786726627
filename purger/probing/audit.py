"""Audits edges: probes them for banned images, however old the ban, and sends purges again for those still served."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import starmap, takewhile
from typing import NamedTuple

from purger.fleet.edges import list_edges
from purger.probing.probe import Probe, ProbeAnswer, ProbeTarget
from purger.probing.subject_images import codes_of
from purger.probing.targets import ask_target, edges_to_probe, probe_images
from purger.probing.verdict import Verdict
from takedown_db.connection.lasting_connection import Connection

#: The number of bans that are read at a time.
_PAGE = 500

#: The number of unproven images that are listed. All are counted.
_LISTED = 1000


@dataclass(frozen=True, slots=True)
class ServedImage:
    """A banned image that was served at the public URL of an edge."""

    edge: str
    code: str
    renditions: tuple[str, ...]  # that were served
    said: str  # why another server may have served it; empty if it was the edge


@dataclass(frozen=True, slots=True)
class UnprovenImage:
    """A banned image that an edge neither served nor proved gone."""

    edge: str
    code: str
    said: str  # the answer, in words
    purged_again: bool  # the bytes may be those of a replaced image


@dataclass(slots=True)
class AuditResult:
    """The result of an audit.

    An answer 5xx proves nothing of the image and counts as no answer. The edge is still asked for other codes.
    """

    codes: int = 0  # number of codes that were requested
    edges: int = 0  # number of edges to request them from
    probes: int = 0  # number of probes that got an answer: one for each code at each edge
    served: list[ServedImage] = field(default_factory=list)
    not_proven: int = 0  # number of probes that proved nothing
    unproven: list[UnprovenImage] = field(default_factory=list)  # the first of them
    unreachable: dict[str, str] = field(default_factory=dict)  # by edge, why it gave no answer
    disabled: tuple[str, ...] = ()  # edges that were left out; they may still answer browsers


class _BanRow(NamedTuple):
    """A row of the statement ``open_bans_page``."""

    id: int
    scope: str
    subject: str


def run_audit(
    connection: Connection,
    probe: Probe,
    *,
    sample: int | None,
    progress: Callable[[], object] = lambda: None,
    rest: Callable[[], object] = lambda: None,
    stopped: Callable[[], bool] = lambda: False,
) -> AuditResult:
    """Request banned codes, also of banned owners and digests, from each enabled edge: all, or ``sample`` at random.

    Sends the purge of each image again that is served although it is banned. ``progress`` is called after each code,
    ``rest`` after each edge that was asked; the audit ends early when ``stopped`` returns True. Raises
    ``DatabaseUnavailableError``.
    """
    targets = []
    for edge in edges_to_probe(connection):
        targets.append(ask_target(edge))
        rest()
    result = AuditResult(
        edges=len(targets),
        disabled=tuple(edge.name for edge in list_edges(connection) if not edge.enabled),
    )
    codes = takewhile(lambda _: not stopped(), banned_codes(connection, sample))
    for code, answers in probe_images(connection, probe, targets, codes, rest=rest):
        for target, answer in answers:
            _count(result, target.edge.name, answer)
        doubtful = [each for each in answers if not each[1].silent and each[1].verdict is not Verdict.GONE]
        # The ban may have been lifted since the list was read.
        if doubtful and _is_banned(connection, code):
            _note(result, code, doubtful)
            if any(answer.verdict >= Verdict.FOREIGN for _, answer in doubtful):
                connection.run("resend_image", code=code)
        result.codes += 1
        progress()
    return result


def _is_banned(connection: Connection, code: str) -> bool:
    ((banned, _),) = connection.rows("is_banned", code=code)
    return bool(banned)


def banned_codes(connection: Connection, sample: int | None) -> Iterator[str]:
    """Yield codes that are banned, themselves, by owner or by digest, each at least once: all, or ``sample``.

    A sample begins at a ban drawn at random, and after the last ban goes on with the first.
    """
    ((first, last),) = connection.rows("ban_id_span")
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
        for ban in starmap(_BanRow, page):
            if ban.id > until:
                return
            yield from codes_of(connection, ban.scope, ban.subject)
            after = ban.id


def _count(result: AuditResult, edge: str, answer: ProbeAnswer) -> None:
    """Count an answer, or note why there is none: the last reason if the edge could not be reached, else the first."""
    if answer.verdict is Verdict.UNREACHABLE:
        result.unreachable[edge] = answer.said
    elif answer.silent:
        result.unreachable.setdefault(edge, answer.said)
    else:
        result.probes += 1


def _note(result: AuditResult, code: str, answers: list[tuple[ProbeTarget, ProbeAnswer]]) -> None:
    """Add the answers of edges for one banned code to the result."""
    for target, answer in answers:
        if answer.served:
            result.served.append(ServedImage(target.edge.name, code, answer.served, answer.said))
            continue
        result.not_proven += 1
        if len(result.unproven) < _LISTED:
            again = answer.verdict is Verdict.FOREIGN
            result.unproven.append(UnprovenImage(target.edge.name, code, answer.said, again))
