"""Keeps the served files, each under the SHA-256 of its bytes: ``<root>/<d[0:2]>/<d[2:4]>/<d>``.

A file never changes once it has its name, so that replacing an image does not change a response that is being sent.
"""

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from io import BufferedRandom
from pathlib import Path

from origin.byte_ranges import ByteRange
from origin.model import FilePart
from takedown_db.printable import printable

#: Bytes of a read and a send. Most images take one of each; a response of a large one takes no more memory.
CHUNK = 64 * 1024

# O_NOFOLLOW refuses a symbolic link at each step below the root: it could lead to any file that the origin may read.
# Opening a named pipe without O_NONBLOCK would block the thread until somebody writes into it.
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


class DamagedFileError(Exception):
    """A file differs from the database's record of it, or cannot be read. The message says how."""


class Body:
    """A part of a file as a WSGI body: iterates over its bytes in chunks, and owns the file's descriptor."""

    def __init__(self, descriptor: int, part: ByteRange, name: str) -> None:
        self._descriptor = descriptor
        self._offset = part.start
        self._end = part.start + part.length
        self._name = name
        # The first chunk is read here, before any header is sent: an unreadable file can still be answered 500.
        self._next = self._read()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = self._next or self._read()
        self._next = b""
        if not chunk:
            raise StopIteration
        return chunk

    def close(self) -> None:
        """Close the descriptor. WSGI servers call it at the end of a response, also of one that was cut off."""
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
            # The error closes the connection, so that no cache takes the bytes that were sent for the whole.
            raise DamagedFileError(f"{self._name}: the file ends at byte {self._offset}, before {self._end}")
        self._offset += len(chunk)
        return chunk


class Store:
    """The directory that holds the files."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, digest: str) -> str:
        """Return the path of the file with this digest. Two levels of directories keep each of them short."""
        return f"{self._root}/{digest[:2]}/{digest[2:4]}/{digest}"

    def open(self, file: FilePart, name: str) -> Body:
        """Open a part of a file. Raises ``DamagedFileError``, with ``name`` in its message.

        Accepts only a regular file of the recorded size, by the open descriptor: the path could name another file a
        moment later.
        """
        name = printable(name)
        try:
            descriptor = self._open(file.digest)
        except OSError as error:
            raise DamagedFileError(f"{name}: {error.strerror}: {self.path(file.digest)}") from error
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise DamagedFileError(f"{name}: {self.path(file.digest)} is not a regular file")
            if status.st_size != file.size:
                raise DamagedFileError(
                    f"{name}: {self.path(file.digest)} has {status.st_size} bytes, the database says {file.size}"
                )
            return Body(descriptor, file.part, name)
        except BaseException:
            os.close(descriptor)
            raise

    def _open(self, digest: str) -> int:
        """Open the file of a digest, one directory after the other, since each might be a link. Raises ``OSError``."""
        outer = os.open(f"{self._root}/{digest[:2]}", _DIRECTORY)
        try:
            inner = os.open(digest[2:4], _DIRECTORY, dir_fd=outer)
        finally:
            os.close(outer)
        try:
            return os.open(digest, _FILE, dir_fd=inner)
        finally:
            os.close(inner)

    def has(self, digest: str, size: int) -> bool:
        """Tell whether there is a regular file with this digest and of ``size`` bytes. For imports alone."""
        try:
            status = os.lstat(self.path(digest))
        except (FileNotFoundError, NotADirectoryError):
            return False
        return stat.S_ISREG(status.st_mode) and status.st_size == size

    @contextlib.contextmanager
    def incoming(self) -> Iterator["Incoming"]:
        """Create a temporary file, and delete it at the end of the block unless it was kept."""
        descriptor, name = tempfile.mkstemp(prefix=".incoming-", dir=self._root)
        with os.fdopen(descriptor, "w+b") as file:
            try:
                yield Incoming(self, file, Path(name))
            finally:
                Path(name).unlink(missing_ok=True)


class Incoming:
    """A temporary file in the store's directory, and so on its file system."""

    def __init__(self, store: Store, file: BufferedRandom, name: Path) -> None:
        self.file = file
        self._store = store
        self._name = name

    def keep(self) -> tuple[str, int]:
        """Give the file its final name. Returns its digest and its size in bytes.

        The file is on the disk when this returns: the row that names it is written afterwards.
        """
        self.file.flush()
        size = self.file.seek(0, os.SEEK_END)
        self.file.seek(0)
        digest = hashlib.file_digest(self.file, "sha256").hexdigest()
        os.fsync(self.file.fileno())
        # The server may run as another user than the import.
        os.fchmod(self.file.fileno(), 0o644)
        path = Path(self._store.path(digest))
        make_directory(path.parent)
        self._name.replace(path)
        for directory in (path.parent, path.parent.parent, path.parent.parent.parent):
            _sync_directory(directory)
        return digest, size


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
