"""Takes one picture into the store, for imports and uploads: checks it, strips its metadata, makes its renditions."""

import contextlib
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

from origin.importing.catalogue import ImageRow, RenditionRow
from origin.importing.metadata import MalformedPictureError, format_of, strip
from origin.importing.pictures import PictureKind, UnusablePictureError, decode
from origin.importing.renditions import Reduced
from origin.importing.rules import ImportRules
from origin.importing.sources import RefusedFileError
from origin.model import ORIGINAL
from origin.stores.store import Store


class NoPictureError(RefusedFileError):
    """The bytes are of no format that is taken."""


class BrokenPictureError(RefusedFileError):
    """The bytes begin as a picture does, but are broken, or too many pixels, or their metadata cannot be found."""


@dataclass(frozen=True, slots=True)
class ExaminedPicture:
    """The bytes of a picture as they are to be served. ``format`` is Pillow's name; digest is SHA-256 in hex."""

    format: str
    content: bytes
    digest: str
    size: int


class Intake:
    """Takes pictures into a store by the rules of an import. Its methods may be called by any thread."""

    def __init__(self, store: Store, rules: ImportRules) -> None:
        self._store = store
        self._rules = rules

    def examine(self, data: bytes, *, strip_metadata: bool) -> ExaminedPicture:
        """Find the format of a file, and remove its metadata. Raises ``NoPictureError``, ``BrokenPictureError``."""
        format_ = format_of(data)
        if format_ is None:
            raise NoPictureError("not a JPEG, PNG, GIF, WebP or AVIF picture")
        if strip_metadata:
            try:
                data = b"".join(strip(data, format_))
            except MalformedPictureError as error:
                reason = f"its metadata cannot be found, and so not taken out ({error})"
                raise BrokenPictureError(f"{reason}: --metadata keep takes it as it is, if it can be decoded") from None
        return ExaminedPicture(format_, data, hashlib.sha256(data).hexdigest(), len(data))

    def holds(self, known: ImageRow | None, name: str, picture: ExaminedPicture, path: str | None) -> bool:
        """Tell whether a rendition is recorded with this content and path, and its file is in the store."""
        row = known.renditions.get(name) if known else None
        return row is not None and row.digest == picture.digest and row.path == path and self._is_there(row)

    def has_reduced(self, known: ImageRow | None, names: Collection[str]) -> bool:
        """Tell whether these renditions are recorded, and their files are in the store."""
        rows = [known.renditions.get(name) for name in names] if known else [None]
        return all(row is not None and self._is_there(row) for row in rows)

    def _is_there(self, row: RenditionRow) -> bool:
        # A file in place is the site's: nobody could bring it back from here.
        return row.path is not None or self._store.has(row.digest, row.size)

    def take_original(
        self, code: str, picture: ExaminedPicture, path: str | None, reduced: Collection[str]
    ) -> list[RenditionRow]:
        """Make the named reduced renditions, and keep all files that are not in place. Returns the rows to record.

        Raises ``BrokenPictureError``, and ``OSError`` and ``StoreAwayError`` where the store fails.
        """
        with contextlib.ExitStack() as block:
            made = [each for each in self._rules.renditions if each.name in reduced]
            smaller = [(each, block.enter_context(self._store.incoming())) for each in made]
            kinds = self._decode(picture, [(each, incoming.file) for each, incoming in smaller], load=path is None)
            rows = [self._keep(code, ORIGINAL, picture, kinds[ORIGINAL], path)]
            for each, incoming in smaller:
                rows.append(_row(code, each.name, kinds[each.name], *incoming.keep(), None))
            return rows

    def take_ready(self, code: str, name: str, picture: ExaminedPicture, path: str | None) -> RenditionRow:
        """Keep a rendition that is ready made, unless it is in place. Raises as ``take_original`` does."""
        kinds = self._decode(picture, [], load=path is None)
        return self._keep(code, name, picture, kinds[ORIGINAL], path)

    def _decode(
        self, picture: ExaminedPicture, targets: Sequence[tuple[Reduced, BinaryIO]], *, load: bool
    ) -> dict[str, PictureKind]:
        try:
            return decode(BytesIO(picture.content), picture.format, targets, self._rules.max_pixels, load=load)
        except UnusablePictureError as error:
            raise BrokenPictureError(str(error)) from None

    def _keep(
        self, code: str, name: str, picture: ExaminedPicture, kind: PictureKind, path: str | None
    ) -> RenditionRow:
        """Keep the bytes of a picture, unless they are in place."""
        if path is not None:
            return _row(code, name, kind, picture.digest, picture.size, path)
        with self._store.incoming() as incoming:
            incoming.file.write(picture.content)
            return _row(code, name, kind, *incoming.keep(), None)


def _row(code: str, name: str, kind: PictureKind, digest: str, size: int, path: str | None) -> RenditionRow:
    return RenditionRow(code, name, kind.content_type, size, kind.width, kind.height, digest, path)
