"""Reads a code's image, renditions and bans from the database, and describes them for ``origin show``."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, cast

from mysql.connector.abstracts import MySQLConnectionAbstract

from takedown_base.printable import printable
from takedown_db.statements import statement


@dataclass(frozen=True, slots=True)
class ShownBan:
    """An open ban that hides the image. The time is UTC."""

    id: int
    scope: str
    subject: str
    banned_at: datetime


@dataclass(frozen=True, slots=True)
class RenditionReport:
    """A rendition: its size in bytes, its width and height in pixels, its SHA-256 in hex."""

    name: str
    content_type: str
    size: int
    width: int
    height: int
    digest: str


@dataclass(frozen=True, slots=True)
class ImageReport:
    """The report on a code. Its fields, in their order, are the keys of the JSON. Times are UTC."""

    code: str
    banned: bool
    owner: str | None  # None: no image has this code
    imported_at: datetime | None
    stable_until: datetime | None
    changed_at: datetime | None
    pending: bool  # a change waits for its batch number, and so for its time
    bans: list[ShownBan]
    renditions: list[RenditionReport]

    @property
    def known(self) -> bool:
        """Whether there is an image or a ban of this code."""
        return self.owner is not None or self.banned


class _ShownRow(NamedTuple):
    """A row of the statement ``show_image``, its columns in their order."""

    owner: str | None
    stable_until: datetime | None
    imported_at: datetime | None
    image_changed_at: datetime | None
    owner_changed_at: datetime | None
    digest_changed_at: datetime | None
    pending: int
    name: str | None
    content_type: str
    size: int
    width: int
    height: int
    digest: str


def read_report(connection: MySQLConnectionAbstract, code: str) -> ImageReport:
    """Read the report on a code. Raises ``mysql.connector.Error``."""
    rows = [_ShownRow._make(row) for row in _fetch(connection, "show_image", code)]
    bans = [ShownBan(*row) for row in _fetch(connection, "show_bans", code)]
    first = rows[0]
    changes = (first.image_changed_at, first.owner_changed_at, first.digest_changed_at)
    return ImageReport(
        code=code,
        banned=bool(bans),
        owner=first.owner,
        imported_at=first.imported_at,
        stable_until=first.stable_until,
        changed_at=max((change for change in changes if change), default=None),
        pending=bool(first.pending),
        bans=bans,
        renditions=[
            RenditionReport(row.name, row.content_type, row.size, row.width, row.height, row.digest)
            for row in rows
            if row.name is not None
        ],
    )


def describe(report: ImageReport) -> list[tuple[str, str]]:
    """Describe a code for people, as pairs of a label and a text. Both are printable, whatever the rows hold."""
    lines = [("code", report.code), ("banned", "yes" if report.banned else "no")]
    lines += [("", f"{ban.scope} {ban.subject}, ban {ban.id} of {_time(ban.banned_at)}") for ban in report.bans]
    if report.banned:
        lines.append(("", f"by whom and why: purger receipts {report.code}"))
    lines.append(("owner", report.owner or "there is no image with this code"))
    lines.append(("last change", _last_change(report)))
    if report.owner:
        lines.append(("imported", _time(report.imported_at)))
        lines.append(("stable until", _time(report.stable_until)))
    lines += [
        (each.name, f"{each.content_type}, {each.width} x {each.height} pixels, {each.size} bytes, {each.digest}")
        for each in report.renditions
    ]
    return [(printable(label), printable(text)) for label, text in lines]


def _fetch(connection: MySQLConnectionAbstract, name: str, code: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement(name), {"code": code})
        return cast(list[tuple[Any, ...]], cursor.fetchall())


def _last_change(report: ImageReport) -> str:
    """Describe the last change. A change gets its time when a purger numbers it."""
    if not report.pending:
        return _time(report.changed_at)
    just_now = "changed just now, and not numbered yet: does a purger run? (purger status)"
    return just_now if report.changed_at is None else f"{_time(report.changed_at)}; {just_now}"


def _time(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
