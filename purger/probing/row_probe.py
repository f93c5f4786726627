"""Probes one edge for the images that one row of the outbox banned, and sums up the results. Records nothing."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from purger.model import Edge, ProbeNote, ProbeResult, Row, probe_result_of
from purger.probing.probe import Probe, ProbeAnswer, ProbeTarget
from purger.probing.subject_images import draw
from purger.probing.targets import probe_images
from purger.probing.verdict import Verdict
from takedown_base.scope import Scope
from takedown_db.connection.lasting_connection import Connection

#: Most images of one banned owner or digest that the purger requests by itself, and the seconds after which it begins
#: no other.
IMAGES_OF_A_SUBJECT = 100
SECONDS_AT_A_SUBJECT = 10.0

#: The verdicts on answers that may be the image's, and are no proof that the edge shows it.
_DOUBTS = (Verdict.FOREIGN, Verdict.SHOWN_ELSEWHERE)


@dataclass(frozen=True, slots=True)
class KeptImage:
    """A banned image that an edge showed, or that it may have shown (``_DOUBTS``)."""

    code: str
    answer: ProbeAnswer


@dataclass(frozen=True, slots=True)
class RowProbeResult:
    """The result of the probes for one row of the outbox at one edge."""

    probe_result: ProbeResult
    kept: tuple[KeptImage, ...] = ()  # to be purged again
    again: bool = False  # a later probe may prove more
    unreachable: bool = False  # the edge's public listener gave no answer in the end
    elsewhere: bool = False  # an answer was not proven to be the edge's
    parts: tuple[ProbeResult, ...] = ()  # of a ban on an owner or digest: one for each image

    @property
    def silent(self) -> bool:
        """True where the edge gave no answer, and is to be probed again."""
        return self.again and self.probe_result.status is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageChoice:
    """The images to request for one ban, and the limits of the requests."""

    codes: list[str]
    images: int  # that the ban covers; those beyond ``codes`` are not requested
    several: bool = False  # the ban is on an owner or digest, and covers any number of images
    seconds: float | None = None  # after which no further image is begun
    between: Callable[[float], object] | None = (
        None  # called after each image, with the seconds of processor time that it took
    )


def choose(
    connection: Connection, scope: str, subject: str, *, most: int = IMAGES_OF_A_SUBJECT, code: str | None = None
) -> ImageChoice:
    """Choose the images to request for a ban: only ``code``, or up to ``most`` at random of those that it covers.

    Raises ``DatabaseUnavailableError``.
    """
    if code is not None or scope == Scope.IMAGE:
        return ImageChoice(codes=[code or subject], images=1)
    codes, images = draw(connection, scope, subject, most)
    return ImageChoice(codes=codes, images=images, several=True)


class _Evidence:
    """The answers for the images of one row."""

    def __init__(self, edge: Edge, row: Row, choice: ImageChoice) -> None:
        self._edge = edge
        self._row = row
        self._choice = choice
        self._parts: list[ProbeResult] = []
        self._kept: list[KeptImage] = []
        self._excuses: list[str] = []
        self._unproven: list[ProbeAnswer] = []
        self._silence: ProbeAnswer | None = None  # after which no further image was requested
        self._elsewhere = False

    def add(self, code: str, answer: ProbeAnswer, excuse: str | None) -> None:
        """Count the answer for one image. With an ``excuse`` for it, it is evidence of nothing."""
        self._elsewhere |= answer.verdict in (Verdict.ELSEWHERE, Verdict.SHOWN_ELSEWHERE)
        if answer.silent:
            self._silence = answer
        elif excuse:
            self._excuses.append(excuse)
        elif answer.verdict is Verdict.GONE:
            self._part(code, at=time.time(), status=answer.status, gone=True)
        elif answer.verdict is Verdict.SHOWN:
            self._part(code, at=time.time(), status=answer.status, gone=False)
            self._kept.append(KeptImage(code, answer))
        else:
            self._part(code, status=answer.status, note=answer.said)
            self._unproven.append(answer)
            if answer.verdict in _DOUBTS:
                self._kept.append(KeptImage(code, answer))

    def result(self) -> RowProbeResult:
        """Sum up. An image that is purged again is probed for that purge, each other one without a proof again."""
        whole = self._whole()
        kept = tuple(self._kept) if whole.gone is False or not self._silence else ()
        again = not kept and bool(self._silence or self._unproven)
        unreachable = self._silence is not None and self._silence.verdict is Verdict.UNREACHABLE
        parts = tuple(self._parts) if self._choice.several else ()
        return RowProbeResult(whole, kept, again, unreachable, self._elsewhere, parts)

    def _part(self, code: str, **fields: Any) -> None:
        self._parts.append(probe_result_of(self._edge, self._row, code=code, **fields))

    def _whole(self) -> ProbeResult:
        """Sum up the images: the ban is proven where each of them is proven gone."""
        shown = next((part for part in self._parts if part.gone is False), None)
        if shown:
            return replace(shown, code="")
        if self._silence:
            unreachable = self._silence.verdict is Verdict.UNREACHABLE
            return self._nothing(f"unreachable: {self._silence.said}" if unreachable else self._silence.said)
        if self._unproven:
            first, number = self._unproven[0], f"{len(self._unproven)} of {len(self._parts)} images: "
            note = (number if self._choice.several else "") + first.said
            return replace(self._nothing(note), status=first.status)
        if not self._parts:
            return self._nothing(self._excuses[0] if self._excuses else ProbeNote.NO_IMAGES)
        last = replace(self._parts[-1], code="")
        if not self._choice.several:
            return last
        return replace(last, probed=len(self._parts), images=self._choice.images - len(self._excuses))

    def _nothing(self, note: str) -> ProbeResult:
        return probe_result_of(self._edge, self._row, note=note, tried_at=time.time())


def probe_row(
    connection: Connection,
    probe: Probe,
    target: ProbeTarget,
    row: Row,
    choice: ImageChoice,
    *,
    excuse: Callable[[str], str | None] | None = None,
) -> RowProbeResult:
    """Probe the edge ``target``, which has acknowledged ``row``, for the images that ``row`` purged.

    An answer only counts against the edge while the row's own ban is in force, and if no later row could have brought
    the image back. ``excuse`` returns such a reason by code; None: the outbox is asked. Raises
    ``DatabaseUnavailableError``.
    """
    evidence = _Evidence(target.edge, row, choice)
    began, used = time.monotonic(), time.thread_time()
    digest = row.subject if row.scope == Scope.DIGEST else None
    for code, answers in probe_images(connection, probe, [target], choice.codes, digest=digest):
        ((_, answer),) = answers
        why = None
        if not answer.silent and answer.verdict is not Verdict.GONE:
            # Read after the answer: by then a lift that the edge knows of is committed.
            why = excuse(code) if excuse else _excuse(connection, row, code)
        evidence.add(code, answer, why)
        if answer.silent:
            break
        if choice.between is not None:
            choice.between(time.thread_time() - used)
        used = time.thread_time()
        if choice.seconds is not None and time.monotonic() - began > choice.seconds:
            break
    return evidence.result()


def _excuse(connection: Connection, row: Row, code: str) -> str | None:
    """Say why an edge may show ``code`` after it has acknowledged ``row``; None when it may not."""
    for stands, changed in connection.rows("ban_stands", invalidation=row.id, code=code):
        if not stands:
            return ProbeNote.LIFTED
        return ProbeNote.CHANGED if changed else None
    return "its row has left the outbox"
