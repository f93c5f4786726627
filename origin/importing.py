"""Bringing image files into the store and the database. Needs Pillow, which nothing that serves does."""

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from origin.catalogue import Catalogue, Image, Recorded, Rendition
from origin.names import CODE_ALPHABET, ORIGINAL, THUMB, is_code
from origin.pictures import Kind, UnusablePictureError, inspect
from origin.store import Store

# Images in one transaction: few commits, and locks too short for anyone to notice.
_BATCH = 100


class RefusedFileError(Exception):
    """A file that is not imported. The message says why."""


@dataclass(frozen=True, slots=True)
class Stability:
    """What an import does to ``images.stable_until``: set it to ``until`` (UTC; None clears it), or keep it."""

    change: bool = False
    until: datetime | None = None


@dataclass(slots=True)
class Outcome:
    """What an import did: how many files of each kind, and those it refused, with the reason."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    moved: list[tuple[str, str]] = field(default_factory=list)  # codes, and whose they were before
    refused: list[tuple[Path, str]] = field(default_factory=list)


def find_files(directory: Path, unreadable: Callable[[OSError], object]) -> list[Path]:
    """All files below a directory, in a lasting order, but for hidden ones. Tells of directories it cannot read."""
    files: list[Path] = []
    for parent, directories, names in os.walk(directory, onerror=unreadable):
        directories[:] = sorted(name for name in directories if not name.startswith("."))
        files += [Path(parent, name) for name in sorted(names) if not name.startswith(".")]
    return files


class Import:
    """One run of ``origin import`` for one owner."""

    def __init__(self, store: Store, catalogue: Catalogue, owner: str, stability: Stability):
        self._store = store
        self._catalogue = catalogue
        self._owner = owner
        self._stability = stability
        self._files: dict[str, Path] = {}
        self.outcome = Outcome()

    def run(self, files: Sequence[Path], advance: Callable[[], object]) -> None:
        """Import the files, calling ``advance`` after each.

        A file that cannot be imported is noted and passed over. Raises ``OSError`` where the store, and
        ``mysql.connector.Error`` where the database fails: what was imported by then stays.
        """
        for start in range(0, len(files), _BATCH):
            batch = files[start : start + _BATCH]
            codes = {path: path.stem for path in batch if self._has_code(path)}
            recorded = self._catalogue.recorded([*codes.values()])
            images = []
            for path in batch:
                if code := codes.get(path):
                    images += self._prepare(code, path, recorded.get(code))
                advance()
            self._catalogue.record(images)
            replaced = sum(image.code in recorded for image in images)
            self.outcome.changed += replaced
            self.outcome.new += len(images) - replaced
            owners = [(image.code, recorded[image.code].owner) for image in images if image.code in recorded]
            self.outcome.moved += [(code, owner) for code, owner in owners if owner != self._owner]

    def _has_code(self, path: Path) -> bool:
        """Tell whether the file's name gives it a code of its own; without one it is refused."""
        first = self._files.setdefault(path.stem, path)
        if not is_code(path.stem):
            self.refuse(path, f"its name without the suffix is no code, that is {CODE_ALPHABET}")
        elif first is not path:
            self.refuse(path, f"the code {path.stem} is that of {first} already")
        else:
            return True
        return False

    def _prepare(self, code: str, path: Path, recorded: Recorded | None) -> list[Image]:
        """Put one file into the store. Answers what is to be recorded of it: nothing, or one image."""
        stable_until = recorded.stable_until if recorded else None
        if self._stability.change:
            stable_until = self._stability.until
        try:
            _check_regular(path)
            same_file = recorded is not None and self._is_stored(path, recorded)
            if recorded and same_file and (recorded.owner, recorded.stable_until) == (self._owner, stable_until):
                self.outcome.unchanged += 1
                return []
            renditions = () if same_file else self._store_renditions(code, path)
        except (RefusedFileError, UnusablePictureError) as error:
            self.refuse(path, str(error))
            return []
        return [Image(code, self._owner, stable_until, renditions)]

    def _is_stored(self, path: Path, recorded: Recorded) -> bool:
        """Tell whether the file is the one that is recorded, and all that is made of it is in the store."""
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise RefusedFileError(f"cannot be read: {error.strerror}") from None
        return (
            recorded.digests.get(ORIGINAL) == digest
            and THUMB in recorded.digests
            and all(self._store.has(stored) for stored in recorded.digests.values())
        )

    def _store_renditions(self, code: str, path: Path) -> tuple[Rendition, ...]:
        with self._store.incoming() as original, self._store.incoming() as thumb:
            try:
                with path.open("rb") as file:
                    shutil.copyfileobj(file, original.file)
            except OSError as error:
                # Either end can fail; where it is the store, the next file fails as well and is reported too.
                raise RefusedFileError(f"cannot be copied: {error.strerror}") from None
            original.file.seek(0)
            kinds = inspect(original.file, thumb.file)
            return tuple(
                _rendition(code, name, kind, *incoming.keep())
                for name, kind, incoming in zip((ORIGINAL, THUMB), kinds, (original, thumb), strict=True)
            )

    def refuse(self, path: Path, reason: str) -> None:
        """Note what is not imported, and why."""
        self.outcome.refused.append((path, reason))


def _rendition(code: str, name: str, kind: Kind, digest: str, size: int) -> Rendition:
    return Rendition(code, name, kind.content_type, size, kind.width, kind.height, digest)


def _check_regular(path: Path) -> None:
    """Refuse what is no plain file: a named pipe would be waited for, and a device read, for ever."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise RefusedFileError(f"cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(mode):
        raise RefusedFileError("not a regular file")
