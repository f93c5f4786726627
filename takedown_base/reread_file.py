"""Reads a file again whenever it was overwritten or replaced."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

Content = TypeVar("Content")

#: A file's inode, size, and times of writing and of change; None: there is no such file.
Signature = tuple[int, int, int, int] | None


def signature(path: Path) -> Signature:
    """Read the signature of a file, which changes when the file is overwritten or replaced."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class RereadFile(Generic[Content]):
    """The content of a file, as it is now; for several threads.

    While the file cannot be used, as in the middle of its replacement, the content that it had before holds.
    """

    def __init__(self, path: Path, read: Callable[[], Content]) -> None:
        """Take the path, and the function that reads the file and raises ``ValueError`` if it cannot be used."""
        self._path = path
        self._read = read
        self._lock = threading.Lock()
        self._content: Content | None = None
        self._seen: Signature = None
        self._complained: Signature = None

    def content(self) -> Content:
        """Return the content. Raises the ``ValueError`` of ``read`` if no content was read before."""
        with self._lock:
            seen = signature(self._path)
            if self._content is not None and seen == self._seen:
                return self._content
            try:
                self._content, self._seen = self._read(), seen
            except ValueError as error:
                if self._content is None:
                    raise
                if seen != self._complained:
                    log.warning("%s; what it held before still holds", error)
                    self._complained = seen
            return self._content

    def forget(self) -> None:
        """Drop the content: the file is read again before the next use."""
        with self._lock:
            self._content = None
