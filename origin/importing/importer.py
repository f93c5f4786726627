"""Runs a whole import: decides for each image what to do, stores its files and records its rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from origin.importing.catalogue import Catalogue, ImageRow, RenditionRow, image_to_record, with_content
from origin.importing.entries import Entry, ImageEntries, image_chunks
from origin.importing.picture_intake import ExaminedPicture, Intake
from origin.importing.rules import ImportRules
from origin.importing.sources import RefusedFileError, Source
from origin.model import ORIGINAL
from takedown_base.content_names import FileNames

#: Images in one transaction: few commits, and locks that are too short for anyone to notice.
_IMAGES_PER_TRANSACTION = 100


@dataclass(frozen=True, slots=True)
class MovedImage:
    """An image that was taken over from another owner, and whether a ban of that owner hid it until then."""

    code: str
    owner: str
    was_banned: bool


@dataclass(slots=True)
class ImportCounts:
    """The counts of images by their outcome, and of refused files."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0


class ImportReport(Protocol):
    """Receives the news of an import as they come, so that none of them has to be kept."""

    def refused(self, place: str, reason: str) -> None:
        """Take a file that is not imported, and the reason."""

    def moved(self, move: MovedImage) -> None:
        """Take an image that was taken over from another owner."""

    def imported(self, image: ImageEntries) -> None:
        """Take an image that is recorded now, whether or not it was before."""

    def advanced(self, files: int) -> None:
        """Take the number of files that were dealt with since the last call."""


@dataclass(slots=True)
class _PreparedImage:
    """An image whose files are in their store; ``image`` is None where nothing is to be recorded."""

    entries: ImageEntries
    image: ImageRow | None = None
    names: FileNames | None = None  # of the original; None: it was not read
    refused: list[tuple[Entry, str]] = field(default_factory=list)

    @property
    def all_refused(self) -> bool:
        """Whether nothing of the image was taken."""
        return len(self.refused) == len(self.entries.files)


class Import:
    """One run of ``origin import``."""

    def __init__(
        self, source: Source, intake: Intake, catalogue: Catalogue, rules: ImportRules, report: ImportReport
    ) -> None:
        self._source = source
        self._intake = intake
        self._catalogue = catalogue
        self._rules = rules
        self._report = report
        self.outcome = ImportCounts()

    def refuse(self, place: str, reason: str) -> None:
        """Count and report a file that is not imported."""
        self.outcome.refused += 1
        self._report.refused(place, reason)

    def pass_over(self, place: str, reason: str) -> None:
        """Refuse a file before any of it is read, and count it as dealt with."""
        self.refuse(place, reason)
        self._report.advanced(1)

    def run(self, entries: Iterable[Entry]) -> None:
        """Import files. One that cannot be imported is reported and skipped.

        Raises ``OSError`` and ``StoreAwayError`` where the store, and ``DatabaseUnavailableError`` where the database
        fails: earlier images stay imported, and the same import again goes on from there.
        """
        with ThreadPoolExecutor(self._rules.jobs, "import") as pool:
            for chunk in image_chunks(entries, _IMAGES_PER_TRANSACTION, self.pass_over):
                self._import(chunk, pool)

    def _import(self, chunk: list[ImageEntries], pool: ThreadPoolExecutor) -> None:
        """Import some images in one transaction."""
        recorded = self._catalogue.recorded([each.code for each in chunk])
        former = {each.code: recorded[each.code].owner for each in chunk if each.code in recorded}
        others = {former[each.code] for each in chunk if former.get(each.code, each.owner) != each.owner}
        banned = self._catalogue.banned_owners(sorted(others))
        prepare = partial(self._prepare, recorded=recorded, banned=banned)
        # map() would begin all images of a chunk after an error in one of them; a chunk is short.
        prepared = [*(pool.map(prepare, chunk) if self._rules.jobs > 1 else map(prepare, chunk))]
        self._name(prepared, recorded)
        foreign = self._catalogue.record([each.image for each in prepared if each.image], move=self._rules.move)
        if foreign:
            banned |= self._catalogue.banned_owners(sorted(set(foreign.values())))
        for each in prepared:
            if owner := foreign.get(each.entries.code):
                self._refuse_foreign(each.entries, owner, banned)
            else:
                self._count(each, recorded.get(each.entries.code), banned)
        self._report.advanced(sum(len(each.files) for each in chunk))

    def _name(self, prepared: Sequence[_PreparedImage], recorded: Mapping[str, ImageRow]) -> None:
        """Record the names of the originals that were read, before anybody can see the images."""
        read = [each for each in prepared if each.names is not None]
        contents = self._catalogue.record_contents([each.names for each in read if each.names is not None])
        for each, content in zip(read, contents, strict=True):
            each.image = with_content(each.image, recorded.get(each.entries.code), content)

    def _refuse_foreign(self, entries: ImageEntries, owner: str, banned: set[str]) -> None:
        """Refuse an image that got another owner, for example by another import, after this one had read its owner."""
        for entry in entries.files.values():
            self.refuse(entry.place, _of_another(owner, owner in banned, entries.owner))

    def _count(self, prepared: _PreparedImage, recorded: ImageRow | None, banned: set[str]) -> None:
        """Count and report one image, and its refused files."""
        for entry, reason in prepared.refused:
            self.refuse(entry.place, reason)
        if prepared.all_refused:
            return
        if prepared.image is None:
            self.outcome.unchanged += 1
        elif recorded is None:
            self.outcome.new += 1
        else:
            self.outcome.changed += 1
            if recorded.owner != prepared.image.owner:
                self._report.moved(MovedImage(prepared.image.code, recorded.owner, recorded.owner in banned))
        self._report.imported(prepared.entries)

    def _prepare(self, entries: ImageEntries, *, recorded: dict[str, ImageRow], banned: set[str]) -> _PreparedImage:
        """Put the files of one image into the store, and note those that are refused."""
        prepared = _PreparedImage(entries)
        known = recorded.get(entries.code)
        if known and known.owner != entries.owner and not self._rules.move:
            reason = _of_another(known.owner, known.owner in banned, entries.owner)
            prepared.refused = [(entry, reason) for entry in entries.files.values()]
            return prepared
        rows = self._prepare_ready_made(prepared, known)
        ready_made = entries.files.keys() - {entry.rendition for entry, _ in prepared.refused}
        reduced = {each.name for each in self._rules.renditions} - ready_made
        rows += self._prepare_original(prepared, known, reduced)
        if prepared.all_refused:
            return prepared
        stability, names = entries.first.stability, ready_made | reduced
        prepared.image = image_to_record(known, entries.code, entries.owner, stability, rows, names)
        return prepared

    def _prepare_original(
        self, prepared: _PreparedImage, known: ImageRow | None, reduced: set[str]
    ) -> list[RenditionRow]:
        """Take the original and make the reduced renditions. Without an original all other files are refused."""
        entries = prepared.entries
        entry = entries.files.get(ORIGINAL)
        if entry is None:
            if known is None or ORIGINAL not in known.renditions:
                _refuse_all(prepared, "the image has no original: neither an earlier line of the list nor an import")
            return []
        try:
            if self._is_trusted(entry, known) and self._intake.has_reduced(known, reduced):
                return []
            path = entry.path if self._source.in_place else None
            with self._examined(entry) as picture:
                prepared.names = picture.names
                if self._intake.holds(known, ORIGINAL, picture, path) and self._intake.has_reduced(known, reduced):
                    return []
                return self._intake.take_original(entries.code, picture, path, reduced)
        except RefusedFileError as error:
            prepared.names = None
            prepared.refused.append((entry, str(error)))
            _refuse_all(prepared, "the original of this image was refused")
            return []

    def _prepare_ready_made(self, prepared: _PreparedImage, known: ImageRow | None) -> list[RenditionRow]:
        """Take the renditions that the list has ready made."""
        rows = []
        for name, entry in prepared.entries.files.items():
            if name == ORIGINAL:
                continue
            try:
                if self._is_trusted(entry, known):
                    continue
                path = entry.path if self._source.in_place else None
                with self._examined(entry) as picture:
                    if not self._intake.holds(known, name, picture, path):
                        rows.append(self._intake.take_ready(entry.code, name, picture, path))
            except RefusedFileError as error:
                prepared.refused.append((entry, str(error)))
        return rows

    @contextmanager
    def _examined(self, entry: Entry) -> Iterator[ExaminedPicture]:
        """Examine a file, for this block. Raises ``RefusedFileError``."""
        strips = self._rules.strip and not self._source.in_place
        with (
            self._source.open(entry.path, self._rules.max_bytes) as file,
            self._intake.examine(file, strip_metadata=strips) as picture,
        ):
            yield picture

    def _is_trusted(self, entry: Entry, known: ImageRow | None) -> bool:
        """Tell whether a file in place has the recorded path and size, and that is enough."""
        row = known.renditions.get(entry.rendition) if known and self._rules.trust_size else None
        return row is not None and row.path == entry.path and row.size == self._source.size(entry.path)


def _refuse_all(prepared: _PreparedImage, reason: str) -> None:
    """Refuse the files of an image that are not refused yet."""
    done = {entry.rendition for entry, _ in prepared.refused}
    prepared.refused += [(entry, reason) for name, entry in prepared.entries.files.items() if name not in done]


def _of_another(owner: str, is_banned: bool, new_owner: str) -> str:
    """Explain why an image of another owner is refused, and the consequence of --move."""
    end = f" and ends what the ban of owner {owner} does to it" if is_banned else ""
    return f"an image of owner {owner} has this code: --move gives it to {new_owner}{end}"
