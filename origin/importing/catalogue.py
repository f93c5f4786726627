"""Reads and writes images and renditions in the database, for an import. Triggers put each change into the outbox."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, cast

from mysql.connector.abstracts import MySQLCursorAbstract
from mysql.connector.types import MySQLConvertibleType

from origin.importing.rules import Stability
from origin.model import ORIGINAL
from takedown_base.content_names import FileNames, padded_name
from takedown_db.connection.lasting_connection import Connection, fetch
from takedown_db.statements import statement

#: The parameters of a statement, as the driver declares them.
Row = Sequence[MySQLConvertibleType] | dict[str, MySQLConvertibleType]


@dataclass(frozen=True, slots=True)
class RenditionRow:
    """A row of ``renditions``. Size in bytes, width and height in pixels, digest in hex, path in the tree in place.

    ``content`` is by what a ban by content finds the image; ``named``: all names of the file lead to it.
    """

    code: str
    name: str
    content_type: str
    size: int
    width: int
    height: int
    digest: str
    path: str | None = None
    content: str = ""
    named: bool = False


@dataclass(frozen=True, slots=True)
class ImageRow:
    """A row of ``images``, and the rows of its renditions by their names: as recorded, or to be recorded.

    Recording an image leaves other renditions as they are, and deletes the renditions with the names in ``outdated``.
    """

    code: str
    owner: str
    stable_until: datetime | None
    renditions: dict[str, RenditionRow] = field(default_factory=dict)
    outdated: tuple[str, ...] = ()


def image_to_record(
    known: ImageRow | None,
    code: str,
    owner: str,
    stability: Stability,
    rows: Iterable[RenditionRow],
    names: Collection[str],
) -> ImageRow | None:
    """Make the image to record, with renditions that are new or changed; None where nothing changes.

    ``known`` is the recorded image. ``names`` are the names of the reduced renditions that belong to the original.
    """
    stable_until = stability.until if stability.change or not known else known.stable_until
    renditions = {row.name: row for row in rows}
    if not renditions and known and (known.owner, known.stable_until) == (owner, stable_until):
        return None
    return ImageRow(code, owner, stable_until, renditions, _outdated(known, renditions, names))


def with_content(image: ImageRow | None, known: ImageRow | None, content: str) -> ImageRow | None:
    """Add to the image to record, or to ``known`` where nothing else changes, the content of its original."""
    source = image if image and ORIGINAL in image.renditions else known
    if source is None or ((row := source.renditions[ORIGINAL]).named and row.content == content):
        return image
    changed = image or replace(source, renditions={})
    original = replace(row, content=content, named=True)
    return replace(changed, renditions={**changed.renditions, ORIGINAL: original})


def _outdated(known: ImageRow | None, rows: Mapping[str, RenditionRow], names: Collection[str]) -> tuple[str, ...]:
    """Name the recorded renditions that show another picture than the original in ``rows``, if it has one.

    A ban of the former original's content no longer hides the code, and so must find nothing of it there.
    """
    original = rows.get(ORIGINAL)
    former = known.renditions.get(ORIGINAL) if known else None
    if known is None or original is None or (former and former.digest == original.digest):
        return ()
    return tuple(sorted(known.renditions.keys() - {ORIGINAL, *names}))


class Catalogue:
    """The tables of images and renditions, for the account takedown_import. Raises ``DatabaseUnavailableError``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def recorded(self, codes: Sequence[str]) -> dict[str, ImageRow]:
        """Read these images, by their codes (some hundred at most: longer lists make the server scan the table)."""
        if not codes:
            return {}
        found: dict[str, ImageRow] = {}
        sql = statement("recorded_images").format(codes=", ".join(["%s"] * len(codes)))
        with self._connection.cursor() as cursor:
            cursor.execute(sql, list(codes))
            for code, owner, stable_until, name, *row in cast(list[tuple[Any, ...]], cursor.fetchall()):
                image = found.setdefault(code, ImageRow(code, owner, stable_until))
                if name is not None:
                    values = [*row[:-1], bool(row[-1])]  # the last one is `named`
                    image.renditions[name] = RenditionRow(code, name, *values)
        return found

    def banned_owners(self, owners: Sequence[str]) -> set[str]:
        """Read which of these owners have an open ban."""
        if not owners:
            return set()
        sql = statement("banned_owners").format(owners=", ".join(["%s"] * len(owners)))
        with self._connection.cursor() as cursor:
            cursor.execute(sql, list(owners))
            return {str(row[0]) for row in cast(list[tuple[Any, ...]], cursor.fetchall())}

    def hiding_bans(self, names: FileNames | None, *, code: str = "", owner: str = "") -> list[int]:
        """Read the ids of the open bans of a file, a code and an owner; an empty one, or None, has none."""
        values = dict.fromkeys(FileNames._fields) if names is None else names._asdict()
        with self._connection.cursor() as cursor:
            return [int(ban) for (ban,) in fetch(cursor, "bans_of_upload", **values, code=code, owner=owner)]

    def bans_of_name(self, name: str) -> list[int]:
        """Read the ids of the open bans of the content that has a name, a hash in hex."""
        values = dict.fromkeys(FileNames._fields) | {"canonical": padded_name(name)}
        with self._connection.cursor() as cursor:
            return [int(ban) for (ban,) in fetch(cursor, "bans_of_upload", **values, code="", owner="")]

    def record_contents(self, files: Sequence[FileNames]) -> list[str]:
        """Record the names of some files, in a transaction of their own. Returns the content of each."""
        if not files:
            return []
        return [str(content) for (content,) in self._connection.rows("record_contents", files=json.dumps(files))]

    def record(self, images: Iterable[ImageRow], *, move: bool) -> dict[str, str]:
        """Write images with their renditions in one transaction.

        Without ``move`` an image that belongs to another owner by now stays as it is. Returns the owners of such images
        by code.
        """
        images = list(images)
        if not images:
            return {}
        rows: list[Row] = [{"code": i.code, "owner": i.owner, "stable_until": i.stable_until} for i in images]
        with self._connection.cursor() as cursor:
            # An error closes the connection, which rolls it back.
            cursor.execute("START TRANSACTION")
            cursor.executemany(statement("move_image" if move else "record_image"), rows)
            foreign = {} if move else _of_others(cursor, images)
            renditions: list[Row] = [asdict(r) for i in images if i.code not in foreign for r in i.renditions.values()]
            if renditions:
                cursor.executemany(statement("record_rendition"), renditions)
            for image in images:
                for name in () if image.code in foreign else image.outdated:
                    cursor.execute(statement("delete_rendition"), {"code": image.code, "name": name})
            cursor.execute("COMMIT")
        return foreign


def _of_others(cursor: MySQLCursorAbstract, images: Sequence[ImageRow]) -> dict[str, str]:
    """Read which of these images belong to another owner; the owners by code."""
    sql = statement("owners_for_update").format(codes=", ".join(["%s"] * len(images)))
    cursor.execute(sql, [image.code for image in images])
    recorded = {str(code): str(owner) for code, owner in cast(list[tuple[Any, ...]], cursor.fetchall())}
    return {image.code: recorded[image.code] for image in images if recorded[image.code] != image.owner}
