"""Imports image files into the store and the database. Needs Pillow, which serving does not."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from origin.directory_tree import DirectoryTree
from origin.import_catalogue import Catalogue, Image, RecordedImage, Rendition
from origin.import_rules import ImportRules
from origin.metadata import MalformedPictureError, Pieces, format_of, strip
from origin.pictures import Kind, UnusablePictureError, decode
from origin.renditions import ORIGINAL
from origin.store import Store
from takedown_db.subject_keys import CODE_ALPHABET, is_key

#: Images in one transaction: few commits, and locks that are too short for anyone to notice.
_IMAGES_PER_TRANSACTION = 100


class RefusedFileError(Exception):
    """A file is not imported. The message says why."""


@dataclass(frozen=True, slots=True)
class Move:
    """An image that was taken over from another owner, and whether a ban of that owner hid it until then."""

    code: str
    owner: str
    was_banned: bool


@dataclass(slots=True)
class Outcome:
    """The counts of imported files, the images that were moved, and the refused files, each with the reason."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    moved: list[Move] = field(default_factory=list)
    refused: list[tuple[Path, str]] = field(default_factory=list)


class Import:
    """One run of ``origin import`` for one owner."""

    def __init__(self, tree: DirectoryTree, store: Store, catalogue: Catalogue, owner: str, rules: ImportRules) -> None:
        self._tree = tree
        self._store = store
        self._catalogue = catalogue
        self._owner = owner
        self._rules = rules
        self._files: dict[str, Path] = {}
        self.outcome = Outcome()

    def run(self, files: Sequence[Path], advance: Callable[[], object]) -> None:
        """Import files of the tree, calling ``advance`` after each.

        A file that cannot be imported is noted and skipped. Raises ``OSError`` or ``StoreAwayError``
        where the store, and ``mysql.connector.Error`` where the database fails: earlier files stay imported.
        """
        for start in range(0, len(files), _IMAGES_PER_TRANSACTION):
            chunk = files[start : start + _IMAGES_PER_TRANSACTION]
            codes = {path: path.stem for path in chunk if self._has_code(path)}
            recorded = self._catalogue.recorded([*codes.values()])
            others = {image.owner for image in recorded.values()} - {self._owner}
            banned = self._catalogue.banned_owners(sorted(others))
            images = []
            for path in chunk:
                if code := codes.get(path):
                    images += self._prepare(code, path, recorded.get(code), banned)
                advance()
            foreign = self._catalogue.record(images, move=self._rules.move)
            self._refuse_foreign(foreign)
            self._count([image for image in images if image.code not in foreign], recorded, banned)

    def _refuse_foreign(self, owners: dict[str, str]) -> None:
        """Refuse images that got another owner, for example by another import, after this one had read their owner."""
        banned = self._catalogue.banned_owners(sorted(set(owners.values())))
        for code, owner in owners.items():
            self.refuse(self._files[code], _of_another(owner, owner in banned, self._owner))

    def _count(self, images: Sequence[Image], recorded: dict[str, RecordedImage], banned: set[str]) -> None:
        """Count the recorded images: new ones, changed ones, and those of other owners."""
        replaced = [(image.code, recorded[image.code].owner) for image in images if image.code in recorded]
        self.outcome.changed += len(replaced)
        self.outcome.new += len(images) - len(replaced)
        self.outcome.moved += [Move(code, owner, owner in banned) for code, owner in replaced if owner != self._owner]

    def _has_code(self, path: Path) -> bool:
        """Tell whether the file's name is a code of its own; if not, refuse the file."""
        first = self._files.setdefault(path.stem, path)
        if not is_key(path.stem):
            self.refuse(path, f"its name without the suffix is no code, that is {CODE_ALPHABET}")
        elif first is not path:
            self.refuse(path, f"the code {path.stem} is that of {self._tree.root / first} already")
        else:
            return True
        return False

    def _prepare(self, code: str, path: Path, recorded: RecordedImage | None, banned: set[str]) -> list[Image]:
        """Put one file into the store. Returns the image to record, or nothing for an unchanged or refused one."""
        stable_until = recorded.stable_until if recorded else None
        if self._rules.stability.change:
            stable_until = self._rules.stability.until
        try:
            if recorded and recorded.owner != self._owner and not self._rules.move:
                raise RefusedFileError(_of_another(recorded.owner, recorded.owner in banned, self._owner))
            format_, content = self._read(path)
            same_file = recorded is not None and self._is_stored(content, recorded)
            if recorded and same_file and (recorded.owner, recorded.stable_until) == (self._owner, stable_until):
                self.outcome.unchanged += 1
                return []
            renditions = () if same_file else self._store_renditions(code, format_, content)
        except (RefusedFileError, UnusablePictureError) as error:
            self.refuse(path, str(error))
            return []
        return [Image(code, self._owner, stable_until, renditions)]

    def _read(self, path: Path) -> tuple[str, Pieces]:
        """Read a file: its format, and its content without metadata (unless the rules keep them).

        Checks and reads by one descriptor, so that a file that is swapped in between makes no difference.
        """
        try:
            with self._tree.opened(path) as descriptor:
                self._check(os.fstat(descriptor))
                with open(descriptor, "rb", closefd=False) as file:
                    data = file.read(self._rules.max_bytes + 1)
        except OSError as error:
            raise RefusedFileError(f"cannot be read: {error.strerror}") from None
        if len(data) > self._rules.max_bytes:  # it grew
            raise RefusedFileError(f"more than {self._rules.max_bytes} bytes")
        format_ = format_of(data)
        if format_ is None:
            raise RefusedFileError("not a JPEG, PNG, GIF, WebP or AVIF picture")
        if not self._rules.strip:
            return format_, [data]
        try:
            return format_, strip(data, format_)
        except MalformedPictureError as error:
            reason = f"its metadata cannot be found, and so not taken out ({error})"
            raise RefusedFileError(f"{reason}: --metadata keep takes it as it is, if it can be decoded") from None

    def _check(self, status: os.stat_result) -> None:
        """Refuse all but regular files, too large files, and files that other users may not read."""
        if not stat.S_ISREG(status.st_mode):
            raise RefusedFileError("not a regular file")
        if status.st_size > self._rules.max_bytes:
            raise RefusedFileError(
                f"{status.st_size} bytes, more than {self._rules.max_bytes}: a larger --max-bytes would take it"
            )
        if not status.st_mode & (stat.S_IRGRP | stat.S_IROTH) and not self._rules.include_private:
            mode = f"{stat.S_IMODE(status.st_mode):04o}"
            raise RefusedFileError(f"only its owner may read it (mode {mode}): --include-private publishes it as well")

    def _is_stored(self, content: Pieces, recorded: RecordedImage) -> bool:
        """Tell whether this content is recorded already, with all its renditions in the store."""
        digest = hashlib.sha256()
        for piece in content:
            digest.update(piece)
        original, _ = recorded.files.get(ORIGINAL, ("", 0))
        return (
            original == digest.hexdigest()
            and all(reduced.name in recorded.files for reduced in self._rules.renditions)
            and all(self._store.has(stored, size) for stored, size in recorded.files.values())
        )

    def _store_renditions(self, code: str, format_: str, content: Pieces) -> tuple[Rendition, ...]:
        """Make all renditions of a picture, and keep their files in the store."""
        with contextlib.ExitStack() as block:
            original = block.enter_context(self._store.incoming())
            smaller = [(reduced, block.enter_context(self._store.incoming())) for reduced in self._rules.renditions]
            original.file.writelines(content)
            original.file.seek(0)
            targets = [(reduced, incoming.file) for reduced, incoming in smaller]
            kinds = decode(original.file, format_, targets, self._rules.max_pixels)
            incoming_by_name = {ORIGINAL: original} | {reduced.name: incoming for reduced, incoming in smaller}
            return tuple(
                _rendition(code, name, kinds[name], *incoming.keep()) for name, incoming in incoming_by_name.items()
            )

    def refuse(self, path: Path, reason: str) -> None:
        """Note a path of the tree as refused, with the reason."""
        self.outcome.refused.append((self._tree.root / path, reason))


def _of_another(owner: str, is_banned: bool, new_owner: str) -> str:
    """Explain why an image of another owner is refused, and the consequence of --move."""
    end = f" and ends what the ban of owner {owner} does to it" if is_banned else ""
    return f"an image of owner {owner} has this code: --move gives it to {new_owner}{end}"


def _rendition(code: str, name: str, kind: Kind, digest: str, size: int) -> Rendition:
    return Rendition(code, name, kind.content_type, size, kind.width, kind.height, digest)
