"""Keeps the pictures that edges have answered with, so that a page shows the very bytes that were judged."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple

#: Bytes of the largest picture that is shown, and of all that are kept.
LARGEST = 4 * 2**20
_KEPT = 16 * 2**20

#: Types of pictures that are shown. An SVG runs no script where a page shows it as an image, and is sent with a policy
#: that forbids all else where it is opened by itself.
_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/svg+xml"})


class Picture(NamedTuple):
    """A picture that an edge has answered with."""

    content_type: str
    content: bytes


class Pictures:
    """The pictures that are shown now, by their SHA-256; the oldest make room. For several threads."""

    def __init__(self, most: int = _KEPT) -> None:
        """Keep so many bytes at most."""
        self._most = most
        self._bytes = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Picture] = OrderedDict()

    def keep(self, digest: str, picture: Picture) -> None:
        """Keep a picture as the newest."""
        with self._lock:
            former = self._kept.pop(digest, None)
            self._kept[digest] = picture
            self._bytes += len(picture.content) - (len(former.content) if former else 0)
            while self._bytes > self._most:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= len(oldest.content)

    def find(self, digest: str) -> Picture | None:
        """Return a picture that is kept."""
        with self._lock:
            return self._kept.get(digest)


class Body:
    """The body of an answer, as it comes: its SHA-256, and its bytes unless it is too large to show."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._parts: list[bytes] = []
        self.size = 0

    def take(self, part: bytes) -> None:
        """Take the next part."""
        self._hash.update(part)
        self.size += len(part)
        if self.size <= LARGEST:
            self._parts.append(part)
        else:
            self._parts.clear()

    @property
    def digest(self) -> str:
        """The SHA-256 of all parts, in hex."""
        return self._hash.hexdigest()

    def picture(self, headers: Mapping[str, str]) -> Picture | None:
        """Return the picture. None: it is empty, too large, or of no type that is shown."""
        content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type not in _TYPES or not 0 < self.size <= LARGEST or "content-encoding" in headers:
            return None
        return Picture(content_type, b"".join(self._parts))
