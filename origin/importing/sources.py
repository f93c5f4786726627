"""Reads the files that an import takes: those below a directory, and those of a site's own tree in place."""

import os
import stat
from pathlib import Path
from typing import Protocol

from origin.importing.directory_tree import DirectoryTree
from origin.model import ByteRange, FilePart
from origin.stores.contract import PATIENT, Backend, DamagedFileError


class RefusedFileError(Exception):
    """A file is not imported. The message says why."""


class Source(Protocol):
    """A place that has files by their paths."""

    #: Whether files stay where they are, so that the rows of renditions get their paths.
    in_place: bool

    def read(self, path: str, max_bytes: int) -> bytes:
        """Read a whole file. Raises ``RefusedFileError``, also for one of more than ``max_bytes`` bytes."""

    def size(self, path: str, /) -> int | None:
        """Return the size of a file in bytes; None where there is no such file, or nobody can tell."""


class TreeSource:
    """The files of a directory, which an import copies. It refuses files that other users may not read."""

    in_place = False

    def __init__(self, tree: DirectoryTree, *, include_private: bool) -> None:
        self._tree = tree
        self._include_private = include_private

    def read(self, path: str, max_bytes: int) -> bytes:
        """Read a whole file. Raises ``RefusedFileError``.

        Checks and reads by one descriptor, so that a file that is swapped in between makes no difference.
        """
        try:
            with self._tree.opened(Path(path)) as descriptor:
                self._check(os.fstat(descriptor), max_bytes)
                with open(descriptor, "rb", closefd=False) as file:
                    data = file.read(max_bytes + 1)
        except OSError as error:
            raise RefusedFileError(f"cannot be read: {error.strerror}") from None
        if len(data) > max_bytes:  # it grew
            raise RefusedFileError(f"more than {max_bytes} bytes")
        return data

    def size(self, _path: str, /) -> int | None:
        """Return None: a copy has to be read."""
        return None

    def _check(self, status: os.stat_result, max_bytes: int) -> None:
        """Refuse all but regular files, too large files, and files that other users may not read."""
        if not stat.S_ISREG(status.st_mode):
            raise RefusedFileError("not a regular file")
        _check_size(status.st_size, max_bytes)
        if not status.st_mode & (stat.S_IRGRP | stat.S_IROTH) and not self._include_private:
            mode = f"{stat.S_IMODE(status.st_mode):04o}"
            raise RefusedFileError(f"only its owner may read it (mode {mode}): --include-private publishes it as well")


class InPlaceSource:
    """A site's own tree or bucket, whose files stay where they are. Raises ``StoreAwayError`` from each method."""

    in_place = True

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def read(self, path: str, max_bytes: int) -> bytes:
        """Read a whole file. Raises ``RefusedFileError``."""
        size = self.size(path)
        if size is None:
            raise RefusedFileError("there is no such file below the root of --in-place")
        _check_size(size, max_bytes)
        whole = FilePart("", size, ByteRange(0, size))
        try:
            body = self._backend.open(path, whole, path, PATIENT)
            try:
                return b"".join(body)
            finally:
                body.close()
        except DamagedFileError as error:
            raise RefusedFileError(f"cannot be read: {error}") from None

    def size(self, path: str, /) -> int | None:
        """Return the size of a file in bytes; None where there is none."""
        try:
            return self._backend.size(path)
        except OSError as error:
            raise RefusedFileError(f"cannot be read: {error.strerror}") from None


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise RefusedFileError(f"{size} bytes, more than {max_bytes}: a larger --max-bytes would take it")
