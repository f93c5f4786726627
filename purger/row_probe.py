"""Looks at one edge for what one row of the outbox banned, and says what that is evidence of."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

from purger.errors import UnreachableError
from purger.model import Edge, ProbeResult, Row, probe_result_of
from purger.owner_images import draw
from purger.probe import Probe, ProbeAnswer
from purger.probe_verdict import Proof
from takedown_db.connection import Connection

#: Images of a banned owner that the purger looks at by itself, and the seconds after which it begins with no other.
IMAGES_OF_AN_OWNER = 100
SECONDS_AT_AN_OWNER = 10.0

#: Notes on rows that no later look can tell more of.
LIFTED = "the ban was lifted before"
CHANGED = "what it covers changed before"
NO_IMAGES = "no images"

#: A note on what was seen gone at an edge that does not name its renditions.
ROWS_ALONE = "renditions in the database alone"


@dataclass(frozen=True, slots=True)
class Kept:
    """A banned image that an edge showed, or with ``Proof.FOREIGN`` may have shown."""

    code: str
    look: ProbeAnswer

    @property
    def shown(self) -> bool:
        """Whether the bytes were the image's."""
        return self.look.proof is Proof.SHOWN


@dataclass(frozen=True, slots=True)
class RowProbeResult:
    """The result of looking for one row of the outbox at one edge."""

    probe_result: ProbeResult
    kept: tuple[Kept, ...] = ()  # to be purged again
    again: bool = False  # a later look may see more
    parts: tuple[ProbeResult, ...] = ()  # of a ban on an owner: what was seen of each image


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The images to look at for one ban, and how."""

    codes: list[str]
    images: int  # that it covers; those beyond ``codes`` are not looked at
    of_an_owner: bool = False
    renditions: Collection[str] | None = None  # that the edge knows besides the original; None: it names none
    seconds: float | None = None  # after so many no further image is begun with
    between: Callable[[float], object] | None = None  # called after each image, with the seconds that it took


def choose(
    connection: Connection, scope: str, subject: str, *, most: int = IMAGES_OF_AN_OWNER, code: str | None = None
) -> Choice:
    """Choose the images to request for a ban: its own, of an owner up to ``most`` by chance, or ``code`` alone.

    Raises ``DatabaseUnavailableError``.
    """
    if code is not None or scope == "image":
        return Choice(codes=[code or subject], images=1)
    codes, images = draw(connection, subject, most)
    return Choice(codes=codes, images=images, of_an_owner=True)


class _Evidence:
    """All that came for the images of one row."""

    def __init__(self, edge: Edge, row: Row, choice: Choice) -> None:
        self._edge = edge
        self._row = row
        self._choice = choice
        self._parts: list[ProbeResult] = []
        self._kept: list[Kept] = []
        self._excuses: list[str] = []
        self._unproven: list[ProbeAnswer] = []
        self.trouble: str | None = None  # why no further image was looked at

    def add(self, code: str, look: ProbeAnswer, excuse: str | None) -> None:
        """Count one look. With an ``excuse`` for what came it is evidence of nothing."""
        if excuse:
            self._excuses.append(excuse)
        elif look.proof is Proof.GONE:
            note = ROWS_ALONE if self._choice.renditions is None else None
            self._part(code, at=time.time(), status=look.status, gone=True, note=note)
        elif look.proof is Proof.SHOWN:
            self._part(code, at=time.time(), status=look.status, gone=False)
            self._kept.append(Kept(code, look))
        else:
            self._part(code, status=look.status, note=look.said)
            self._unproven.append(look)
            if look.proof is Proof.FOREIGN:
                self._kept.append(Kept(code, look))

    def finding(self) -> RowProbeResult:
        """Sum up. What is purged again has its own look later; all else that was not proven is looked at again."""
        whole = self._whole()
        kept = tuple(self._kept) if whole.gone is False or not self.trouble else ()
        again = not kept and bool(self.trouble or self._unproven)
        return RowProbeResult(whole, kept, again, tuple(self._parts) if self._choice.of_an_owner else ())

    def _part(self, code: str, **seen: Any) -> None:
        self._parts.append(probe_result_of(self._edge, self._row, code=code, **seen))

    def _whole(self) -> ProbeResult:
        """Say what the looks together are evidence of: gone is what each of them saw gone."""
        shown = next((part for part in self._parts if part.gone is False), None)
        if shown:
            return replace(shown, code="")
        if self.trouble:
            return self._nothing(self.trouble)
        if self._unproven:
            first, number = self._unproven[0], f"{len(self._unproven)} of {len(self._parts)} images: "
            note = (number if self._choice.of_an_owner else "") + first.said
            return replace(self._nothing(note), status=first.status)
        if not self._parts:
            return self._nothing(self._excuses[0] if self._excuses else NO_IMAGES)
        last = replace(self._parts[-1], code="")
        if not self._choice.of_an_owner:
            return last
        return replace(last, looked=len(self._parts), images=self._choice.images - len(self._excuses))

    def _nothing(self, note: str) -> ProbeResult:
        return probe_result_of(self._edge, self._row, note=note)


def probe_row(
    connection: Connection,
    probe: Probe,
    edge: Edge,
    row: Row,
    choice: Choice,
    *,
    excuse: Callable[[str], str | None] | None = None,
) -> RowProbeResult:
    """Look whether what ``row`` purged is gone at ``edge``, which has acknowledged it.

    What comes is only held against the edge while the row's own ban stands and nothing that could bring the image back
    was written since the row; ``excuse`` says so by code, None: as the outbox tells. Raises
    ``DatabaseUnavailableError``.
    """
    evidence, began = _Evidence(edge, row, choice), time.monotonic()
    for code in choice.codes:
        begun = time.monotonic()
        try:
            look = probe.look(
                edge.public_url, code, dict(connection.rows("rendition_digests", code=code)), choice.renditions
            )
        except UnreachableError as error:
            evidence.trouble = f"unreachable: {error}"
            break
        if look.proof is Proof.FAILING:
            evidence.trouble = look.said
            break
        # Asked after the look: a lift that the edge has heard of is committed.
        why = None if look.proof is Proof.GONE else excuse(code) if excuse else _excuse(connection, row, code)
        evidence.add(code, look, why)
        if choice.between is not None:
            choice.between(time.monotonic() - begun)
        if choice.seconds is not None and time.monotonic() - began > choice.seconds:
            break
    return evidence.finding()


def _excuse(connection: Connection, row: Row, code: str) -> str | None:
    """Say why an edge may show ``code`` after it has acknowledged ``row``; None when it may not."""
    found = connection.rows("ban_stands", invalidation=row.id, code=code)
    if not found:
        return "its row has left the outbox"
    stands, changed = found[0]
    if not stands:
        return LIFTED
    return CHANGED if changed else None
