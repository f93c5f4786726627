"""Make images whose versions share no bytes, so that a body alone tells image, rendition and version."""

import hashlib
import random
from dataclasses import dataclass

from origin.special_image import read_special_image
from origin.store import Store
from tests.chaos.history import BANNED, Other, State

#: Size of each rendition's file in bytes, by name.
RENDITIONS = {"original": 6000, "thumb": 600}


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an image. ``files`` holds digest (SHA-256) and size in bytes of each rendition by its name."""

    code: str
    number: State
    files: dict[str, tuple[str, int]]


class Catalogue:
    """All versions of images that were made in the origin's store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._latest: dict[str, State] = {}
        self._known: dict[str, tuple[str, str, State]] = {}  # code, rendition and version by digest
        self._special = read_special_image(None).digest

    def make(self, code: str) -> Version:
        """Write the files of an image's next version. They hold random bytes: nothing that serves decodes images."""
        number = self._latest[code] = self._latest.get(code, BANNED) + 1
        files = {}
        for rendition, bytes_ in RENDITIONS.items():
            name = f"{code} {rendition} {number}\n"
            body = name.encode() + random.Random(name).randbytes(bytes_)
            with self._store.incoming() as incoming:
                incoming.file.write(body)
                digest, size = incoming.keep()
            files[rendition] = (digest, size)
            self._known[digest] = (code, rendition, number)
        return Version(code, number, files)

    def number(self, digest: str) -> State:
        """Return the number of the version that a file belongs to, by its digest."""
        return self._known[digest][2]

    def recognise(self, code: str, rendition: str, status: int, body: bytes) -> State | Other:
        """Return the state that a whole answer shows. Bytes decide; the status only tells errors from foreign bytes."""
        digest = hashlib.sha256(body).hexdigest()
        if digest == self._special:
            return BANNED
        known = self._known.get(digest)
        if known is not None:
            return known[2] if known[:2] == (code, rendition) else Other.FOREIGN
        return Other.REFUSED if status >= 500 else Other.FOREIGN
