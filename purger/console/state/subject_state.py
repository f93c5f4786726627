"""Reads all that the console shows of one image, owner or digest, but for its pictures."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice, starmap
from typing import NamedTuple

from purger.moderation.subjects import Subject
from purger.probing.subject_images import codes_of
from purger.receipts.judge import Judgement, judge_ban
from purger.receipts.model import BanRecord, ReceiptsReport
from purger.receipts.read import read_receipts
from purger.receipts.text import edge_row, verdict
from takedown_base.scope import Scope
from takedown_db.connection.lasting_connection import Connection

#: Images that are counted, codes that are listed, and events of the history.
MOST_COUNTED = 100_000
_LISTED = 24
_EVENTS = 50

#: The statement that counts the images of a subject.
_COUNTS = {Scope.OWNER: "console_count_owner", Scope.DIGEST: "console_count_digest"}


class Rendition(NamedTuple):
    """A row of the statement ``console_renditions``."""

    name: str
    content_type: str
    size: int
    width: int
    height: int
    digest: str


class Event(NamedTuple):
    """An event in the history of a subject."""

    at: datetime
    what: str
    detail: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class BanState:
    """A ban with its state at each edge."""

    ban: BanRecord
    rows: tuple[tuple[str, ...], ...]  # of ``edge_row``
    judgements: tuple[Judgement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectState:
    """The state of a subject as the database has it."""

    subject: Subject
    verdict: str
    bans: tuple[BanState, ...] = ()  # the newest first
    history: tuple[Event, ...] = ()  # the newest first
    owner: str | None = None  # of an image
    imported_at: datetime | None = None
    renditions: tuple[Rendition, ...] = ()
    digest: str | None = None  # of an image's original
    images: int = 0  # of an owner or digest; of an image those with the same original, itself included
    codes: tuple[str, ...] = ()  # the first of these
    open_bans: dict[Subject, int] = field(default_factory=dict)  # that hide it, by their subjects
    one_varnishd: tuple[str, ...] = ()  # edges whose purge URLs lead to one varnishd

    @property
    def known(self) -> bool:
        """Tell whether any image has the subject."""
        return bool(self.renditions or self.owner) if self.subject.scope is Scope.IMAGE else bool(self.images)

    @property
    def hidden(self) -> bool:
        """Tell whether a ban hides it."""
        return bool(self.open_bans)


def read_subject(connection: Connection, subject: Subject) -> SubjectState:
    """Read the state of a subject. Raises ``DatabaseUnavailableError``."""
    report = read_receipts(connection, subject.scope, subject.key)
    judged = {ban.id: judge_ban(report, ban, {}) for ban in report.bans}
    owner = imported_at = None
    renditions: tuple[Rendition, ...] = ()
    if subject.scope is Scope.IMAGE:
        owner, imported_at = next(iter(connection.rows("console_image", code=subject.key)), (None, None))
        renditions = tuple(starmap(Rendition, connection.rows("console_renditions", code=subject.key)))
    counted = Subject(Scope.DIGEST, report.digest) if subject.scope is Scope.IMAGE and report.digest else subject
    images, codes = _images(connection, counted)
    return SubjectState(
        subject=subject,
        verdict=verdict(report, judged)[0],
        bans=tuple(_ban_state(ban, judged[ban.id]) for ban in reversed(report.bans)),
        history=tuple(islice(sorted(_history(report), reverse=True), _EVENTS)),
        owner=owner,
        imported_at=imported_at,
        renditions=renditions,
        digest=report.digest if subject.scope is Scope.IMAGE else None,
        images=images,
        codes=codes,
        one_varnishd=tuple(report.one_varnishd),
        open_bans=Counter(Subject(ban.scope, ban.subject) for ban in report.bans if ban.hides),
    )


def _images(connection: Connection, subject: Subject) -> tuple[int, tuple[str, ...]]:
    """Count the images of an owner or digest, and list the first of their codes."""
    if subject.scope is Scope.IMAGE:
        return 0, ()
    ((number,),) = connection.rows(_COUNTS[subject.scope], subject=subject.key, most=MOST_COUNTED)
    return int(number), tuple(islice(codes_of(connection, subject.scope, subject.key), _LISTED))


def _ban_state(ban: BanRecord, judgements: list[Judgement]) -> BanState:
    since = ban.purge.written_at if ban.purge else ban.begun
    shown = judgements if ban.hides or ban.purge else []
    return BanState(ban, tuple(edge_row(since, each) for each in shown), tuple(shown))


def _history(report: ReceiptsReport) -> Iterator[Event]:
    for ban in report.bans:
        on = f"ban {ban.id} on {Subject(ban.scope, ban.subject)}"
        if not ban.events:
            yield Event(ban.begun, f"{on} began", ban.reason, ban.banned_by)
            if ban.ended:
                yield Event(ban.ended, f"{on} ended")
        for event in ban.events:
            what = {"ban": "banned", "lift": "lifted", "unban": "deleted", "change": "changed"}.get(event.action, "")
            is_lift = event.action == "lift"
            person = event.lifted_by if is_lift else event.banned_by if event.action == "ban" else ""
            reason = (event.lift_reason or "") if is_lift else event.reason
            account = f"account {event.account}"
            yield Event(event.at, f"{on}: {what}", reason, f"{person}, {account}" if person else account)
    for purge in report.resends:
        yield Event(purge.written_at, "purged again")
    for each in report.ownerships:
        if each.until is not None:
            yield Event(each.until, f"left owner {each.owner}", each.became or "", f"account {each.account}")
