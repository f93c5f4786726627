"""Keeps files in a directory, and reads them from a tree of any depth without ever leaving it."""

import contextlib
import errno
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from origin.model import ByteRange, FilePart
from origin.stores.contract import CHUNK, DamagedFileError, MissingFileError, StoredBody
from takedown_base.printable import printable

# O_NOFOLLOW refuses a symbolic link at each step below the root: it could lead to any file that the origin may read.
# Opening a named pipe without O_NONBLOCK would block the thread until somebody writes into it.
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC

#: The beginning of the names of temporary files, and the seconds after which one is a leftover.
_TEMPORARY = ".incoming-"
_LEFTOVER_AGE = 3600.0

#: Errors that mean that there is no such regular file: the last two mean a link, also to a directory.
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class FileBody(StoredBody):
    """A part of a file, whose descriptor the body owns."""

    def __init__(self, descriptor: int, part: ByteRange, name: str) -> None:
        super().__init__(part, name)
        self._descriptor = descriptor
        self._next = self._read()

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)

    def _read(self) -> bytes:
        """Read the next chunk; empty at the end of the part. Raises ``DamagedFileError``."""
        if self._offset == self._end:
            return b""
        try:
            chunk = os.pread(self._descriptor, min(CHUNK, self._end - self._offset), self._offset)
        except OSError as error:
            raise DamagedFileError(f"{self._name}: {error.strerror} at byte {self._offset}") from error
        if not chunk:
            raise DamagedFileError(f"{self._name}: the file ends at byte {self._offset}, before {self._end}")
        self._offset += len(chunk)
        return chunk


class Directory:
    """The files below ``root``, which may itself be a link."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def open(self, key: str, file: FilePart, name: str, latest: float) -> FileBody:  # noqa: ARG002 (a disk answers)
        """Open a part of a file. Raises ``DamagedFileError``, with ``name`` in its message.

        Accepts only a regular file of the recorded size, by the open descriptor: the path could name another file a
        moment later.
        """
        name = printable(name)
        try:
            descriptor = self._open(key)
        except OSError as error:
            kind = MissingFileError if error.errno == errno.ENOENT else DamagedFileError
            raise kind(f"{name}: {error.strerror}: {self._shown(key)}") from error
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise DamagedFileError(f"{name}: {self._shown(key)} is not a regular file")
            if status.st_size != file.size:
                raise DamagedFileError(
                    f"{name}: {self._shown(key)} has {status.st_size} bytes, the database says {file.size}"
                )
            return FileBody(descriptor, file.part, name)
        except BaseException:
            os.close(descriptor)
            raise

    def size(self, key: str) -> int | None:
        """Return the size of a regular file in bytes; None where it does not exist. Raises ``OSError``."""
        try:
            descriptor = self._open(key)
        except OSError as error:
            if error.errno in _ABSENT:
                return None
            raise
        try:
            status = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    @contextlib.contextmanager
    def temporary(self) -> Iterator[BinaryIO]:
        """Create a temporary file in the root, and so on its file system."""
        descriptor, name = tempfile.mkstemp(prefix=_TEMPORARY, dir=self._root)
        # Opened by its name, so that put() can rename it.
        with open(name, "w+b", opener=lambda *_: descriptor) as file:
            try:
                yield file
            finally:
                Path(name).unlink(missing_ok=True)

    def remove_leftovers(self) -> None:
        """Delete temporary files of processes that were killed: those that nobody has written into for an hour."""
        oldest = time.time() - _LEFTOVER_AGE
        for path in self._root.glob(f"{_TEMPORARY}*"):
            with contextlib.suppress(OSError):  # it is gone by now, or another user's
                status = path.lstat()
                if stat.S_ISREG(status.st_mode) and status.st_mtime < oldest:
                    path.unlink()

    def put(self, key: str, file: BinaryIO) -> None:
        """Give a temporary file its final name. Raises ``OSError``."""
        file.flush()
        os.fsync(file.fileno())
        # The server may run as another user than the import.
        os.fchmod(file.fileno(), 0o644)
        path = self._root / key
        make_directory(path.parent)
        Path(file.name).replace(path)
        for directory in path.relative_to(self._root).parents:
            _sync_directory(self._root / directory)

    def erase(self, key: str) -> bool:
        """Delete a file, and tell whether there was one. Raises ``OSError``, also for a directory of that name."""
        *_, last = key.split("/")
        try:
            with self._parent(key) as directory:
                os.unlink(last, dir_fd=directory)
        except OSError as error:
            if error.errno in _ABSENT:
                return False
            raise
        _sync_directory((self._root / key).parent)
        return True

    def _open(self, key: str) -> int:
        """Open a file, one directory after the other, since each might be a link. Raises ``OSError``."""
        first, *rest = key.split("/")
        if not rest:
            return os.open(f"{self._root}/{first}", _FILE)
        descriptor = os.open(f"{self._root}/{first}", _DIRECTORY)
        for place, name in enumerate(rest, start=1):
            try:
                inner = os.open(name, _FILE if place == len(rest) else _DIRECTORY, dir_fd=descriptor)
            finally:
                os.close(descriptor)
            descriptor = inner
        return descriptor

    @contextlib.contextmanager
    def _parent(self, key: str) -> Iterator[int]:
        """Open the directory that a file is in. Raises ``OSError``."""
        descriptor = os.open(self._root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in key.split("/")[:-1]:
                inner = os.open(name, _DIRECTORY, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)

    def _shown(self, key: str) -> str:
        return printable(f"{self._root}/{key}")


def make_directory(path: Path) -> None:
    """Create a directory and its missing parents with mode 0755, whatever the umask.

    The server may run as another user than the import. Raises ``OSError``.
    """
    if path.is_dir():
        return
    make_directory(path.parent)
    try:
        path.mkdir()
    except FileExistsError:  # another import was faster
        return
    path.chmod(0o755)


def _sync_directory(path: Path) -> None:
    """Write a directory's entries to the disk: fsync of a file does not cover its name."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
