"""Groups the files of an import by image: an original with its given renditions, a few images at a time."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from origin.importing.rules import Stability
from origin.importing.sources import DirectoryTree
from origin.model import ORIGINAL
from takedown_base.subject_keys import CODE_ALPHABET, is_key

#: Takes the place of a refused file (its path, or its line in a list), and the reason.
Refuse = Callable[[str, str], object]


class Entry(NamedTuple):
    """One file: a rendition of an image."""

    place: str  # for messages
    name: str  # as the site calls the image; its code follows from it
    code: str
    rendition: str
    path: str  # below the root of its source
    owner: str
    stability: Stability


@dataclass(slots=True)
class ImageEntries:
    """The entries of one image that follow one another, by the names of their renditions."""

    first: Entry
    files: dict[str, Entry] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """The code of the image."""
        return self.first.code

    @property
    def owner(self) -> str:
        """The owner of the image."""
        return self.first.owner


def directory_entries(
    tree: DirectoryTree, files: Iterable[Path], owner: str, stability: Stability, refuse: Refuse
) -> Iterator[Entry]:
    """Yield files of a tree as originals, each under its stem as the code; refuse those whose stem is no code."""
    known: dict[str, Path] = {}
    for path in files:
        place = str(tree.root / path)
        first = known.setdefault(path.stem, path)
        if not is_key(path.stem):
            refuse(place, f"its name without the suffix is no code, that is {CODE_ALPHABET}")
        elif first is not path:
            refuse(place, f"{tree.root / first} has the code {path.stem} already")
        else:
            yield Entry(place, path.stem, path.stem, ORIGINAL, str(path), owner, stability)


def image_chunks(entries: Iterable[Entry], most: int, refuse: Refuse) -> Iterator[list[ImageEntries]]:
    """Join entries of one image that follow one another, and yield at most ``most`` images at a time.

    No code is twice in a chunk: where it comes again, a new chunk begins, and a new transaction.
    """
    chunk: dict[str, ImageEntries] = {}
    latest: ImageEntries | None = None
    for entry in entries:
        if latest is None or latest.code != entry.code:
            if len(chunk) >= most or entry.code in chunk:
                yield [*chunk.values()]
                chunk = {}
            latest = chunk[entry.code] = ImageEntries(entry)
        _add(latest, entry, refuse)
    if chunk:
        yield [*chunk.values()]


def _add(image: ImageEntries, entry: Entry, refuse: Refuse) -> None:
    """Add a file to its image, unless it contradicts an earlier one."""
    if (entry.owner, entry.stability) != (image.first.owner, image.first.stability):
        refuse(entry.place, f"owner or stable_until differ from {image.first.place}, which is the same image")
    elif entry.name != image.first.name:
        refuse(entry.place, f"its name has the code {entry.code}, as has {image.first.place}: rename one of them")
    elif entry.rendition in image.files:
        refuse(entry.place, f"{image.files[entry.rendition].place} is this rendition of the image already")
    else:
        image.files[entry.rendition] = entry
