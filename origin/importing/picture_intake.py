"""Takes one picture into the store, for imports and uploads: checks it, strips its metadata, makes its renditions."""

import contextlib
import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from origin.importing.catalogue import ImageRow, RenditionRow
from origin.importing.decoder_process import Decoder, Decoders
from origin.importing.renditions import Reduced
from origin.importing.rules import ImportRules
from origin.model import ORIGINAL
from origin.stores.store import Store
from takedown_base.content_names import FileNames

#: The media type of a picture, and its width and height in pixels as it is shown.
_Kind = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class ExaminedPicture:
    """A picture as it is to be served. ``format`` is Pillow's name; digest is SHA-256 in hex, size in bytes."""

    decoder: Decoder
    content: BinaryIO
    format: str
    digest: str
    size: int
    names: FileNames  # of the file as it was received


class Intake:
    """Takes pictures into a store by the rules of an import. Its methods may be called by any thread."""

    def __init__(self, store: Store, rules: ImportRules, decoders: Decoders) -> None:
        self._store = store
        self._rules = rules
        self._decoders = decoders

    @contextlib.contextmanager
    def examine(self, file: BinaryIO, *, strip_metadata: bool) -> Iterator[ExaminedPicture]:
        """Find the format of a file, and remove the metadata from a copy in memory, for this block.

        Waits for a decoder, which the picture keeps. Raises ``NoPictureError`` and ``BrokenPictureError``.
        """
        with self._decoders.one() as decoder, os.fdopen(os.memfd_create("picture"), "w+b") as content:
            answer = decoder.do({"strip": strip_metadata}, [file, content])
            answer["names"] = FileNames(*answer["names"])
            yield ExaminedPicture(decoder, content, **answer)

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
    ) -> dict[str, _Kind]:
        job = {"format": picture.format, "load": load, "renditions": [reduced for reduced, _ in targets]}
        return picture.decoder.do(job, [picture.content, *(file for _, file in targets)])

    def _keep(self, code: str, name: str, picture: ExaminedPicture, kind: _Kind, path: str | None) -> RenditionRow:
        """Keep the bytes of a picture, unless they are in place."""
        if path is not None:
            return _row(code, name, kind, picture.digest, picture.size, path)
        with self._store.incoming() as incoming:
            picture.content.seek(0)
            shutil.copyfileobj(picture.content, incoming.file)
            return _row(code, name, kind, *incoming.keep(), None)


def _row(code: str, name: str, kind: _Kind, digest: str, size: int, path: str | None) -> RenditionRow:
    content_type, width, height = kind
    return RenditionRow(code, name, content_type, size, width, height, digest, path)
