"""Make images whose versions share no bytes, so that a body tells the version of the image that was asked for."""

import hashlib
import random
from dataclasses import dataclass
from typing import Any

from origin.answering.special_image import read_special_image
from origin.stores.store import Store
from tests.chaos.history import BANNED, Other, State

Statement = tuple[str, tuple[Any, ...]]

IMAGE = "INSERT INTO images (code, owner) VALUES (%s, %s) ON DUPLICATE KEY UPDATE owner = owner"
RENDITION = (
    "INSERT INTO renditions (code, name, content_type, size, width, height, digest) "
    "VALUES (%s, %s, 'image/png', %s, 1, 1, %s) ON DUPLICATE KEY UPDATE size = VALUES(size), digest = VALUES(digest)"
)

#: Size of each rendition's file in bytes, by name.
RENDITIONS = {"original": 6000, "thumb": 600}


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an image. ``files`` holds digest (SHA-256) and size in bytes of each rendition by its name."""

    code: str
    number: State
    files: dict[str, tuple[str, int]]

    @property
    def digest(self) -> str:
        """The digest of the original."""
        return self.files["original"][0]


def importing(version: Version, owner: str) -> list[Statement]:
    """Return the statements that ``origin import`` runs for a new or replaced image."""
    rows = [(RENDITION, (version.code, name, size, digest)) for name, (digest, size) in version.files.items()]
    return [(IMAGE, (version.code, owner)), *rows]


def _body(code: str, rendition: str, number: State) -> bytes:
    name = f"{code} {rendition} {number}\n"
    return name.encode() + random.Random(name).randbytes(RENDITIONS[rendition])


class Catalogue:
    """All versions of images that were made in the origin's store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._latest: dict[str, State] = {}
        self._versions: dict[tuple[str, str], Version] = {}  # by code and digest of the original
        self._known: dict[tuple[str, str, str], State] = {}  # version by code, rendition and digest
        self._names: dict[str, tuple[str, str, State]] = {}  # code, rendition and version, by the digest of their bytes
        self._special = read_special_image(None).digest

    def make(self, code: str) -> Version:
        """Write the files of an image's next version. They hold random bytes: nothing that serves decodes images."""
        number = self._latest.get(code, BANNED) + 1
        files = {}
        for rendition in RENDITIONS:
            with self._store.incoming() as incoming:
                incoming.file.write(_body(code, rendition, number))
                files[rendition] = incoming.keep()
            self._names[files[rendition][0]] = code, rendition, number
        return self._add(code, files)

    def copy(self, code: str, original: Version) -> Version:
        """Make the files of another image's version the next version of an image, unless they were one before."""
        return self._versions.get((code, original.digest)) or self._add(code, original.files)

    def _add(self, code: str, files: dict[str, tuple[str, int]]) -> Version:
        number = self._latest[code] = self._latest.get(code, BANNED) + 1
        version = Version(code, number, files)
        self._versions[code, version.digest] = version
        for rendition, (digest, _) in files.items():
            self._known[code, rendition, digest] = number
        return version

    def version(self, code: str, digest: str) -> Version:
        """Return the version of an image whose original has this digest."""
        return self._versions[code, digest]

    def body(self, version: Version, rendition: str) -> bytes:
        """Return the bytes of a rendition."""
        return _body(*self._names[version.files[rendition][0]])

    def recognise(self, code: str, rendition: str, status: int, body: bytes) -> State | Other:
        """Return the state that a whole answer shows. Bytes decide; the status only tells errors from foreign bytes."""
        digest = hashlib.sha256(body).hexdigest()
        if digest == self._special:
            return BANNED
        known = self._known.get((code, rendition, digest))
        if known is not None:
            return known
        return Other.REFUSED if status >= 500 else Other.FOREIGN
