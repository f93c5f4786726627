"""Takes one uploaded picture: checks bans and owner, keeps its files, and records it."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, TypeVar

from origin.importing.catalogue import Catalogue, ImageRow, image_to_record, with_content
from origin.importing.picture_intake import ExaminedPicture, Intake
from origin.importing.rules import ImportRules, Stability
from origin.model import ORIGINAL
from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.connection.lasting_connection import Connection

#: Seconds that a connection, an answer and a lock may take each.
TIMEOUT = 2

Result = TypeVar("Result")


class BannedError(Exception):
    """The upload would be hidden, and is not stored. ``bans`` are the ids of the open bans that would hide it."""

    def __init__(self, bans: list[int], digest: str | None) -> None:
        super().__init__(f"banned by {', '.join(map(str, bans))}")
        self.bans = bans
        self.digest = digest


class ForeignError(Exception):
    """The code belongs to an image of another owner."""


@dataclass(frozen=True, slots=True)
class Upload:
    """The head of an upload: where it goes, and whether it may take the image over from another owner."""

    code: str
    owner: str
    stability: Stability
    move: bool


@dataclass(frozen=True, slots=True)
class TakenUpload:
    """The outcome of an upload that is recorded: whether the image is new, and whether anything was changed."""

    digest: str
    new: bool
    changed: bool


class CataloguePool:
    """The tables of images for several threads, each with a connection of its own."""

    def __init__(self, url: str) -> None:
        """Take a database URL. No connection is opened before the first use."""
        self._url = url
        self._of_thread = threading.local()

    def run(self, action: Callable[[Catalogue], Result]) -> Result:
        """Call ``action``, and once more if it fails at once: a connection may have died while it was idle.

        So ``action`` must have the same effect and result where the first call was committed before it failed. Raises
        ``DatabaseUnavailableError``.
        """
        catalogue: Catalogue | None = getattr(self._of_thread, "catalogue", None)
        if catalogue is None:
            catalogue = self._of_thread.catalogue = Catalogue(Connection(self._url, timeout=TIMEOUT))
        started = time.monotonic()
        try:
            return action(catalogue)
        except DatabaseUnavailableError:
            if time.monotonic() - started > TIMEOUT / 2:
                raise
        return action(catalogue)


class Uploads:
    """Takes uploads, in several threads. Raises ``DatabaseUnavailableError``, ``OSError`` and ``StoreAwayError``."""

    def __init__(self, database: CataloguePool, intake: Intake, rules: ImportRules) -> None:
        self._database = database
        self._intake = intake
        self._rules = rules

    def check(self, upload: Upload) -> None:
        """Refuse an upload before its body is read. Raises ``BannedError`` and ``ForeignError``."""
        self._recorded(upload)

    def take(self, upload: Upload, file: BinaryIO) -> TakenUpload:
        """Store and record a picture, or find that it is there already.

        Raises ``BannedError`` and ``ForeignError``, and ``RefusedFileError`` for a file that is no whole picture: then
        nothing is stored.
        """
        with self._intake.examine(file, strip_metadata=self._rules.strip) as picture:
            names = picture.names
            # First, since that bans what a list of hashes names.
            (content,) = self._database.run(lambda catalogue: catalogue.record_contents([names]))
            known = self._recorded(upload, picture)
            image = self._prepare(upload, picture, known)
        image = with_content(image, known, content)
        if image and self._database.run(lambda catalogue: catalogue.record([image], move=upload.move)):
            raise ForeignError
        return TakenUpload(picture.digest, known is None, image is not None)

    def bans_of(self, name: str) -> list[int]:
        """Read the ids of the open bans of the content that has a name, a hash in hex."""
        return self._database.run(lambda catalogue: catalogue.bans_of_name(name))

    def _recorded(self, upload: Upload, picture: ExaminedPicture | None = None) -> ImageRow | None:
        """Read the image that has the code. Raises ``BannedError`` and ``ForeignError``."""

        def read(catalogue: Catalogue) -> tuple[list[int], ImageRow | None]:
            names = picture.names if picture else None
            bans = catalogue.hiding_bans(names, code=upload.code, owner=upload.owner)
            return bans, catalogue.recorded([upload.code]).get(upload.code)

        bans, known = self._database.run(read)
        if bans:
            raise BannedError(bans, picture.digest if picture else None)
        if known and known.owner != upload.owner and not upload.move:
            raise ForeignError
        return known

    def _prepare(self, upload: Upload, picture: ExaminedPicture, known: ImageRow | None) -> ImageRow | None:
        """Keep the files of a picture that are not kept yet. Returns the image to record; None: nothing changes."""
        reduced = {each.name for each in self._rules.renditions}
        kept = self._intake.holds(known, ORIGINAL, picture, None) and self._intake.has_reduced(known, reduced)
        rows = [] if kept else self._intake.take_original(upload.code, picture, None, reduced)
        return image_to_record(known, upload.code, upload.owner, upload.stability, rows, reduced)
