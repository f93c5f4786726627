"""``origin show``: what the database says of a code."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from mysql.connector.abstracts import MySQLConnectionAbstract

from takedown_db.printable import printable
from takedown_db.statements import statement


@dataclass(frozen=True, slots=True)
class Shown:
    """What is known of a code. Times are UTC, as the database has them."""

    code: str
    image: dict[str, Any]
    renditions: list[dict[str, Any]]
    bans: list[dict[str, Any]]

    @property
    def known(self) -> bool:
        """Whether there is anything to show at all."""
        return self.image["owner"] is not None or bool(self.bans)

    def as_json(self) -> dict[str, Any]:
        """Give the same for programs, in the order of its keys."""
        shown = {"code": self.code, "banned": bool(self.bans), **self.image}
        return shown | {"bans": self.bans, "renditions": self.renditions}


def look(connection: MySQLConnectionAbstract, code: str) -> Shown:
    """Read what is known of a code. Raises ``mysql.connector.Error``."""
    with connection.cursor(dictionary=True) as cursor:
        cursor.execute(statement("show_image"), {"code": code})
        rows = cast(list[dict[str, Any]], cursor.fetchall())
        cursor.execute(statement("show_bans"), {"code": code})
        bans = cast(list[dict[str, Any]], cursor.fetchall())
    first = rows[0]
    changes = [first["image_changed_at"], first["owner_changed_at"]]
    image = {
        "owner": first["owner"],
        "imported_at": first["imported_at"],
        "stable_until": first["stable_until"],
        "changed_at": max((change for change in changes if change), default=None),
        "pending": bool(first["pending"]),
    }
    columns = ("name", "content_type", "size", "width", "height", "digest")
    renditions = [{column: row[column] for column in columns} for row in rows if row["name"] is not None]
    return Shown(code, image, renditions, bans)


def describe(shown: Shown) -> list[tuple[str, str]]:
    """Say it for people, as pairs of a name and what there is to say; printable, whatever the rows hold."""
    lines = [("code", shown.code), ("banned", "yes" if shown.bans else "no")]
    lines += [
        ("", f"{ban['scope']} {ban['subject']}, ban {ban['id']} of {_time(ban['banned_at'])}") for ban in shown.bans
    ]
    if shown.bans:
        lines.append(("", f"by whom and why: purger receipts {shown.code}"))
    lines.append(("owner", shown.image["owner"] or "there is no image with this code"))
    lines.append(("last change", _last_change(shown)))
    if shown.image["owner"]:
        lines.append(("imported", _time(shown.image["imported_at"])))
        lines.append(("stable until", _time(shown.image["stable_until"])))
    kind = "{content_type}, {width} x {height} pixels, {size} bytes, {digest}"
    lines += [(str(rendition["name"]), kind.format(**rendition)) for rendition in shown.renditions]
    return [(printable(name), printable(value)) for name, value in lines]


def _last_change(shown: Shown) -> str:
    """Say when the image last changed; a change counts, and has its time, once a purger has numbered it."""
    changed_at = shown.image["changed_at"]
    if not shown.image["pending"]:
        return _time(changed_at)
    just_now = "changed just now, and not numbered yet: does a purger run? (purger status)"
    return just_now if changed_at is None else f"{_time(changed_at)}; {just_now}"


def _time(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
